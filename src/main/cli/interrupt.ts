import { EXIT } from './exit-codes.ts'

/** A cancel that nobody has answered by then ends the process; unfinished files are journalled and can be resumed. */
const LIMIT_MS = 900
/** The terminal and the launcher may both deliver one and the same Ctrl-C. */
const SAME_PRESS_MS = 300

export type Interrupt = {
  signal: AbortSignal
  /** Called once for the first Ctrl-C instead of cancelling everything, while a command has its own use for it. */
  intercept: (() => boolean) | undefined
  dispose(): void
}

/** The first Ctrl-C cancels, the second one ends at once. */
export function watchInterrupt(onCancel: () => void, onKill: () => void): Interrupt {
  const abort = new AbortController()
  let pressedAt = 0
  const leave = () => {
    onKill()
    process.exit(EXIT.cancelled)
  }
  const press = () => {
    const now = Date.now()
    if (pressedAt > 0 && now - pressedAt < SAME_PRESS_MS) return
    pressedAt = now
    if (abort.signal.aborted) leave()
    if (interrupt.intercept?.()) return
    onCancel()
    abort.abort()
    setTimeout(leave, LIMIT_MS).unref()
  }
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  for (const name of signals) process.on(name, press)
  const interrupt: Interrupt = {
    signal: abort.signal,
    intercept: undefined,
    dispose() {
      for (const name of signals) process.off(name, press)
    },
  }
  return interrupt
}
