import { z } from 'zod'
import { arithmetic, benchmarkStartParams, modelSpeed, readBandwidth } from '../sidecar/benchmark.ts'
import { rowId, timestampMs } from './common.ts'

/** One measured speed of the checkpoint or of a result. */
export const benchmarkSummary = modelSpeed.omit({ path: true }).extend({
  id: rowId,
  resultId: rowId.optional().describe('The result that was measured; absent when it was the checkpoint.'),
  processor: z.string().describe('Name of the processor or GPU that computed.'),
  simd: z.string().describe('Instructions of the products with few tokens: avx512, avx2, portable; of a GPU: sm_90.'),
  arithmetic,
  promptTokens: benchmarkStartParams.shape.promptTokens,
  generateTokens: benchmarkStartParams.shape.generateTokens,
  rounds: benchmarkStartParams.shape.rounds,
  readBandwidth,
  createdAtMs: timestampMs,
})
export type BenchmarkSummary = z.infer<typeof benchmarkSummary>

/** renderer → host. Refused with not-found when there is no such project. */
export const benchmarkListParams = z.object({ projectId: rowId })
export const benchmarkListResult = z.object({
  benchmarks: z.array(benchmarkSummary).describe('Of the checkpoint and of every result, newest first.'),
})

/**
 * renderer → host: one job for each model, one after the other. Answers with jobBegun; refused with not-found for a
 * result of another project, and with file-not-found when a folder is gone.
 */
export const benchmarkStartRequest = z.object({
  projectId: rowId,
  models: z
    .array(z.object({ resultId: rowId.optional().describe('A result; the checkpoint when absent.') }))
    .min(1)
    .max(64)
    .describe('What to measure, in this order.'),
  promptTokens: benchmarkStartParams.shape.promptTokens,
  generateTokens: benchmarkStartParams.shape.generateTokens,
})
