import type { JobSummary } from '../../../shared/contract/studio/index.ts'
import { client } from '../../bridge/index.ts'
import { AskButton } from './ask-button.tsx'
import { jobNoun } from './job-words.ts'

/** Asks for the same again; what was done is taken over. */
export function RetryButton({ job }: { job: JobSummary }) {
  return (
    <AskButton
      words="Retry"
      asking="Starting…"
      label={`Retry ${jobNoun(job).toLowerCase()}`}
      ask={() => client.call('job.retry', { jobId: job.id })}
    />
  )
}
