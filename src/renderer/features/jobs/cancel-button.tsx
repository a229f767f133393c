import type { JobSummary } from '../../../shared/contract/studio/index.ts'
import { client } from '../../bridge/index.ts'
import { AskButton } from './ask-button.tsx'
import { doingWords } from './job-words.ts'

/** Ends a job; what it has finished of its work is kept for the next run of the same inputs. */
export function CancelButton({ job }: { job: JobSummary }) {
  return (
    <AskButton
      words="Cancel"
      asking="Cancelling…"
      label={`Cancel ${doingWords(job).toLowerCase()}`}
      ask={() => client.call('job.cancel', { jobId: job.id })}
    />
  )
}
