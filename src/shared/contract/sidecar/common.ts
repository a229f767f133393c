import { z } from 'zod'

/** Bumped when an old host and a new sidecar could misunderstand each other in a way the hash does not show. */
export const PROTOCOL_VERSION = 1

export const jobId = z.int().min(1).describe('Job number, unique within one sidecar process.')

export const device = z.string().describe('"cpu" or "cuda:<index>".')

export const threads = z.int().min(0).max(1024).describe('Worker threads; 0 means one per physical core.')

export const precision = z
  .enum(['fp32', 'bf16'])
  .describe(
    'Of the factors of products with weights, whose sums are fp32 either way. bf16 is refused where the processor does not multiply it itself.',
  )
export type Precision = z.infer<typeof precision>

export const sizeBytes = z.int().min(0).describe('Bytes.')

export const hiddenStateBytes = sizeBytes
  .optional()
  .describe('Memory that hidden states kept from layer to layer may take, on the processor; absent: a usual amount.')

export const durationMs = z.number().min(0).describe('Milliseconds of wall-clock time.')

export const jobStarted = z.object({ jobId }).describe('The job runs; watch job.progressed and job.ended.')
