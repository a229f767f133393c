import { fail } from '../../shared/contract/studio-error.ts'
import { jobById, listJobs, type JobRow } from '../db/index.ts'
import { asked, type Asked } from './asked.ts'
import { benchmark } from './benchmark.ts'
import { calibrate } from './calibrate.ts'
import type { Context } from './context.ts'
import { evaluate } from './evaluate.ts'
import { exportResult } from './export.ts'
import { mainJob } from './main-job.ts'
import { quantize } from './quantize.ts'
import { withRetries } from './retries.ts'
import type { RunOptions } from './recording.ts'
import { sweep } from './sweep-job.ts'

/**
 * Asks for the same again as the job was made for: all of it, since a calibration may have been the first part of a
 * squeeze. What was finished is taken over, and what was half done goes on from its journal. Answers with the first job.
 */
export async function retryJob(context: Context, jobId: number): Promise<number> {
  const database = context.database()
  const row = jobById(database, jobId)
  if (!row) throw fail('not-found', `There is no job ${jobId}.`)
  const again = asked.safeParse(row.asked).data
  if (!again) {
    throw fail('invalid-request', `What job ${jobId} was asked for is not recorded, so it cannot be run again.`, {
      hint: 'Start it anew where it was started.',
    })
  }
  if (!canRetry(row, listJobs(database, row.projectId === null ? {} : { projectId: row.projectId }))) {
    throw fail('busy', `Job ${jobId} needs no other try: it ended well, or the same was asked again since.`)
  }
  return context.background.start((run) => perform(context, again, { ...run, ...again.machinery }))
}

function canRetry(row: JobRow, jobs: JobRow[]): boolean {
  return withRetries(jobs).some(([job, retryable]) => job.id === row.id && retryable)
}

function perform(context: Context, { useCase, request }: Asked, run: RunOptions): Promise<unknown> {
  switch (useCase) {
    case 'calibrate':
      return calibrate(context, request, run)
    case 'quantize':
      return quantize(context, request, run)
    case 'evaluate':
      return evaluate(context, request, run)
    case 'mainJob':
      return mainJob(context, request, run)
    case 'sweep':
      return sweep(context, request, run)
    case 'export':
      return exportResult(context, request, run)
    case 'benchmark':
      return benchmark(context, request, run)
  }
}
