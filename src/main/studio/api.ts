import {
  studioRequests,
  type StudioNotice,
  type StudioParams,
  type StudioRequest,
  type StudioResult,
} from '../../shared/contract/studio/index.ts'
import { fail } from '../../shared/contract/studio-error.ts'

/** What a shell puts before a page: requests by name, and what happens meanwhile. */
export type StudioApi = {
  /** Checks the parameters at the edge; throws a StudioError. */
  call: (method: string, params: unknown) => Promise<unknown>
  /** Returns a function that ends the subscription. */
  subscribe: (listener: (notice: StudioNotice) => void) => () => void
}

/** One function for each request of the contract. */
export type Handlers = {
  [M in StudioRequest]: (params: StudioParams<M>) => StudioResult<M> | Promise<StudioResult<M>>
}

/** The one dispatch from the names on the wire to the use cases behind them. */
export function makeApi(handlers: Handlers, subscribe: StudioApi['subscribe']): StudioApi {
  return {
    subscribe,
    call: async (method, params) => {
      if (!isRequest(method)) throw fail('invalid-request', `There is no request ${JSON.stringify(method)}.`)
      const checked = studioRequests[method].params.safeParse(params)
      if (!checked.success) {
        const [issue] = checked.error.issues
        throw fail('invalid-request', `${method}: ${issue?.path.join('.') || 'parameters'}: ${issue?.message}`)
      }
      return handlers[method](checked.data as never)
    },
  }
}

function isRequest(method: string): method is StudioRequest {
  return Object.hasOwn(studioRequests, method)
}
