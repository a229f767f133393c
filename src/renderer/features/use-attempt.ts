import { useState } from 'react'
import type { ErrorInfo } from '../../shared/contract/errors.ts'
import { refusalInfo } from '../bridge/index.ts'

export type Attempt = {
  /** Runs what may be refused; what was said of the time before is gone. */
  attempt: (work: () => Promise<unknown>) => void
  busy: boolean
  error: ErrorInfo | undefined
  /** Takes note of the error, so that it is not shown any longer. */
  dismiss: () => void
}

/** Something a person asks of the host: under way, done, or refused with a reason to show. */
export function useAttempt(): Attempt {
  const [error, setError] = useState<ErrorInfo>()
  const [busy, setBusy] = useState(false)

  async function run(work: () => Promise<unknown>) {
    setBusy(true)
    setError(undefined)
    try {
      await work()
    } catch (refused) {
      setError(refusalInfo(refused))
    } finally {
      setBusy(false)
    }
  }

  return { attempt: (work) => void run(work), busy, error, dismiss: () => setError(undefined) }
}
