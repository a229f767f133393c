import { z } from 'zod'
import { device, durationMs, hiddenStateBytes, precision, sizeBytes, threads } from './common.ts'

/** host → sidecar, starts a job. */
export const evaluationStartParams = z.object({
  model: z.string().describe('Folder of a checkpoint or of a result.'),
  against: z
    .string()
    .optional()
    .describe('Folder of the model to compare with, usually the checkpoint at full precision.'),
  tokens: z
    .string()
    .describe('safetensors file with "tokens", int32 [windows, length]; every token but the first is predicted.'),
  precision,
  device,
  threads,
  memoryLimitBytes: hiddenStateBytes,
})

export const divergence = z.object({
  klMean: z.number().describe('Mean over predicted tokens of KL(against ‖ model), nats.'),
  top1Agreement: z
    .number()
    .min(0)
    .max(1)
    .describe('Fraction of predicted tokens where both models put the same token first.'),
  againstPerplexity: z.number().optional().describe('Perplexity of the model compared with; absent when it diverged.'),
})

export const evaluationResult = z.object({
  kind: z.literal('evaluation'),
  diverged: z.boolean().describe('True when the loss is not finite; perplexity and meanNll are then absent.'),
  perplexity: z.number().optional().describe('Exponent of meanNll.'),
  meanNll: z.number().optional().describe('Mean negative log-likelihood per predicted token, nats.'),
  tokens: z.int().min(0).describe('Predicted tokens.'),
  windows: z.int().min(0).describe('Windows read.'),
  windowLength: z.int().min(2).describe('Tokens in a window.'),
  precision,
  divergence: divergence.optional().describe('Present when "against" was given.'),
  peakMemoryBytes: sizeBytes.describe('Peak resident memory of the sidecar.'),
  durationMs,
})
export type EvaluationResult = z.infer<typeof evaluationResult>
