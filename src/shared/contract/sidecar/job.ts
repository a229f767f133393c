import { z } from 'zod'
import { errorInfo } from '../errors.ts'
import { benchmarkResult, kernelBenchmarkResult } from './benchmark.ts'
import { calibrationResult } from './calibration.ts'
import { jobId } from './common.ts'
import { evaluationResult } from './evaluation.ts'
import { exportResult } from './export.ts'
import { divergenceResult, generationResult } from './generation.ts'
import { quantizationResult } from './quantization.ts'
import { errorsResult, sweepResult } from './sweep.ts'
import { synthesisResult } from './synthesis.ts'

/** host → sidecar. Answers at once; the job ends as cancelled within a second. Unknown or ended jobs are no error. */
export const jobCancelParams = z.object({ jobId })
export const jobCancelResult = z.object({ found: z.boolean().describe('True when the job was still running.') })

/** sidecar → host, at most ten a second for each job; `fraction` never falls. */
export const jobProgressed = z.object({
  jobId,
  seq: z.int().min(0).describe('Counts up from 0 within the job.'),
  stage: z.string().describe('Name of the stage, in words a person reads: "Reading layers".'),
  fraction: z.number().min(0).max(1).describe('Share of the whole job that is done, 0..1.'),
  rate: z.number().min(0).optional().describe('Work per second of the current stage, in rateUnit.'),
  rateUnit: z.string().optional().describe('Unit of rate, such as "tokens/s" or "weights/s".'),
  remainingMs: z.number().min(0).optional().describe('Estimate of the time left for the whole job, milliseconds.'),
  detail: z.string().optional().describe('What is being worked on, such as a tensor name.'),
})
export type JobProgressed = z.infer<typeof jobProgressed>

export const jobResult = z
  .discriminatedUnion('kind', [
    calibrationResult,
    quantizationResult,
    evaluationResult,
    errorsResult,
    sweepResult,
    generationResult,
    divergenceResult,
    exportResult,
    synthesisResult,
    benchmarkResult,
    kernelBenchmarkResult,
  ])
  .describe('What a finished job gives, by kind of job.')
export type JobResult = z.infer<typeof jobResult>

/** sidecar → host, exactly once for each job. */
export const jobEnded = z.object({
  jobId,
  outcome: z.enum(['done', 'failed', 'cancelled']).describe('How the job ended.'),
  result: jobResult.optional().describe('Present exactly when outcome is "done".'),
  error: errorInfo.optional().describe('Present exactly when outcome is "failed".'),
})
export type JobEnded = z.infer<typeof jobEnded>
