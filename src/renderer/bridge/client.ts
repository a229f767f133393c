import type { ErrorInfo } from '../../shared/contract/errors.ts'
import type {
  StudioEvent,
  StudioEventPayload,
  StudioNotice,
  StudioParams,
  StudioRequest,
  StudioResult,
} from '../../shared/contract/studio/index.ts'

/** Whether the host answers: `locked` means that it does, but no longer knows this tab. */
export type Link = 'connecting' | 'open' | 'lost' | 'locked'

/** The one way to the studio host. The page does not know which shell it runs in. */
export type Client = {
  /** Rejects with a Refusal. */
  call: <M extends StudioRequest>(method: M, params: StudioParams<M>) => Promise<StudioResult<M>>
  /** Returns a function that ends the subscription. */
  on: <E extends StudioEvent>(event: E, listener: (payload: StudioEventPayload<E>) => void) => () => void
  /** Called at once with the present state, then at each change. */
  watchLink: (listener: (link: Link) => void) => () => void
}

/** A request that the host answered with an error, or that got no answer. */
export class Refusal extends Error {
  readonly info: ErrorInfo

  constructor(info: ErrorInfo) {
    super(info.message)
    this.name = 'Refusal'
    this.info = info
  }
}

export function refusalInfo(error: unknown): ErrorInfo {
  if (error instanceof Refusal) return error.info
  return { code: 'internal', message: error instanceof Error ? error.message : String(error), retryable: false }
}

type Listener = (payload: never) => void

/** Listeners by event. */
export function makeNoticeboard() {
  const listeners = new Map<string, Set<Listener>>()
  return {
    on: <E extends StudioEvent>(event: E, listener: (payload: StudioEventPayload<E>) => void): (() => void) => {
      const set = listeners.get(event) ?? new Set()
      listeners.set(event, set.add(listener))
      return () => set.delete(listener)
    },
    tell: (notice: StudioNotice): void => {
      for (const listener of listeners.get(notice.event) ?? []) listener(notice.payload as never)
    },
  }
}
