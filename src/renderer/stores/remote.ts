import type { ErrorInfo } from '../../shared/contract/errors.ts'
import { refusalInfo } from '../bridge/index.ts'

/** Something the host knows. A value that was once there stays in sight while a newer one is asked for, or fails. */
export type Remote<T> = { value?: T; error?: ErrorInfo }

/** Asks, and puts what comes back where it belongs, unless somebody asked again meanwhile. */
export function makeLoader<T>(put: (remote: Partial<Remote<T>>) => void) {
  let latest = 0
  return async (ask: () => Promise<T>): Promise<void> => {
    const turn = ++latest
    try {
      const value = await ask()
      if (turn === latest) put({ value, error: undefined })
    } catch (error) {
      if (turn === latest) put({ error: refusalInfo(error) })
    }
  }
}
