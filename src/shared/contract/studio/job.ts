import { z } from 'zod'
import { errorInfo } from '../errors.ts'
import { rowId, timestampMs } from './common.ts'

/** renderer → host. Jobs that run now and the latest that ended, newest first. */
export const jobListParams = z.object({
  projectId: rowId.optional().describe('Only the jobs of this project.'),
})

/** A run of a job, in this process or in another one that shares the studio's folder. */
export const jobSummary = z.object({
  id: rowId,
  projectId: rowId.optional().describe('The project it works for, where there is one.'),
  kind: z.string().describe('What it does: calibration, quantization, evaluation, errors, sweep, export, benchmark.'),
  state: z
    .enum(['running', 'done', 'failed', 'cancelled', 'interrupted'])
    .describe('interrupted: its process is gone and it never ended.'),
  stage: z.string().optional().describe('What it does now, in words a person reads.'),
  fraction: z.number().min(0).max(1).describe('Share that is done, 0..1; never falls.'),
  rate: z.number().min(0).optional().describe('Work per second of the current stage, in rateUnit.'),
  rateUnit: z.string().optional().describe('Unit of rate, such as "tokens/s" or "weights/s".'),
  remainingMs: z.number().min(0).optional().describe('Estimate of the time left, milliseconds.'),
  detail: z.string().optional().describe('What is being worked on, such as a tensor name.'),
  error: errorInfo.optional().describe('Present exactly when state is "failed".'),
  retryable: z
    .boolean()
    .describe(
      'True when job.retry can ask for the same again: it ended short, and nothing newer was made for the same.',
    ),
  startedAtMs: timestampMs,
  endedAtMs: timestampMs.optional(),
})
export type JobSummary = z.infer<typeof jobSummary>

export const jobListResult = z.object({ jobs: z.array(jobSummary) })

/** host → renderer: what starts a job answers with its number as soon as it is recorded. */
export const jobBegun = z.object({ jobId: rowId.describe('The first job of what was started.') })

/** renderer → host. Refused with not-found when this studio does not run it: the command line ends its own. */
export const jobCancelParams = z.object({ jobId: rowId })
export const jobCancelResult = z.object({})

/**
 * renderer → host: asks for the same again as the job was made for, and takes over what was done. Answers with jobBegun;
 * refused with busy when the job is not retryable any more, with output-exists when all of it is there by now.
 */
export const jobRetryParams = z.object({ jobId: rowId })

/** renderer → host: the end of what a job has logged. */
export const jobLogParams = z.object({
  jobId: rowId,
  lines: z.int().min(1).max(1000).describe('Lines wanted, the last ones.'),
})
export const logLine = z.object({ atMs: timestampMs, text: z.string().describe('Without its line end.') })
export type LogLine = z.infer<typeof logLine>
export const jobLogResult = z.object({ lines: z.array(logLine).describe('Oldest first; none where no log is kept.') })

/** host → renderer, at most ten a second for each job. */
export const jobChanged = jobSummary
