import { z } from 'zod'
import { precision } from '../sidecar/common.ts'
import { durationMs, rowId, timestampMs } from './common.ts'

/** How a perplexity was measured. Two numbers may be compared exactly when their keys are equal. */
export const stamp = z.object({
  key: z.string().describe('Equal for two evaluations exactly when their perplexities may stand side by side.'),
  textName: z.string().describe('Name of the text, for a person.'),
  textHash: z.string().describe('Hash of the text.'),
  windowLength: z.int().min(2).describe('Tokens in a window.'),
  windows: z.int().min(0).describe('Windows read.'),
  tokens: z.int().min(0).describe('Predicted tokens.'),
  bos: z.string().describe('Where a beginning-of-sequence token was put: none, text, window.'),
  precision,
})
export type Stamp = z.infer<typeof stamp>

/** One measured perplexity of the checkpoint or of a result. */
export const evaluationSummary = z.object({
  id: rowId,
  resultId: rowId.optional().describe('The result that was read; absent when it was the checkpoint.'),
  diverged: z.boolean().describe('True when the loss is not finite; perplexity is then absent.'),
  perplexity: z.number().optional().describe('Exponent of the mean negative log-likelihood per predicted token.'),
  klMean: z.number().optional().describe('Mean KL divergence from the checkpoint per predicted token, nats.'),
  top1Agreement: z.number().min(0).max(1).optional().describe('Share of tokens where both put the same first, 0..1.'),
  againstPerplexity: z
    .number()
    .optional()
    .describe('Perplexity of the checkpoint, measured in the same pass; same stamp.'),
  stamp,
  durationMs: durationMs.optional(),
  createdAtMs: timestampMs,
})
export type EvaluationSummary = z.infer<typeof evaluationSummary>
