import { Button } from '@mantine/core'
import { useState } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import type { JobSummary } from '../../../shared/contract/studio/index.ts'
import { client, refusalInfo } from '../../bridge/index.ts'

/** Asks the studio to end a job. It says so until the job tells that it has ended, or the studio refuses. */
export function useCancel(job: JobSummary): { asked: boolean; refused: ErrorInfo | undefined; cancel: () => void } {
  const [asked, setAsked] = useState(false)
  const [refused, setRefused] = useState<ErrorInfo>()
  function cancel() {
    setAsked(true)
    setRefused(undefined)
    client.call('job.cancel', { jobId: job.id }).catch((error: unknown) => {
      setAsked(false)
      setRefused(refusalInfo(error))
    })
  }
  return { asked, refused, cancel }
}

export function CancelButton({ what, asked, cancel }: { what: string; asked: boolean; cancel: () => void }) {
  return (
    <Button
      size="compact-xs"
      variant="subtle"
      color="gray"
      // Not the attribute: a disabled button would lose the focus.
      data-disabled={asked || undefined}
      aria-disabled={asked}
      aria-label={asked ? `Cancelling: ${what}` : `Cancel: ${what}`}
      onClick={() => !asked && cancel()}
    >
      {asked ? 'Cancelling…' : 'Cancel'}
    </Button>
  )
}
