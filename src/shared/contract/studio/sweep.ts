import { z } from 'zod'
import { recipe } from '../sidecar/quantization.ts'
import { matrixErrors, sweepPoint } from '../sidecar/sweep.ts'
import { rowId, sizeBytes, timestampMs } from './common.ts'
import { stamp } from './evaluation.ts'

/** A recipe that was squeezed in memory and evaluated; nothing of it is on disk. */
export const measuredPoint = z.object({
  id: rowId,
  recipe,
  point: sweepPoint,
  createdAtMs: timestampMs,
})
export type MeasuredPoint = z.infer<typeof measuredPoint>

/** What a person has asked of the sweep of a project: where the sliders stand, and what an allotment must hold to. */
export const sweepChoices = z.object({
  mode: z.enum(['alike', 'budget']).describe('The same for all matrices, or each its own within a budget.'),
  bits: z.int().min(2).max(8).describe('Bits of an index, where all are alike.'),
  sparsity: z.number().min(0).max(0.2).describe('Share kept exactly, where all are alike.'),
  budgetBitsPerWeight: z.number().min(0).max(32).describe('Most stored bits per weight of the matrices.'),
  allowedBits: z.array(z.int().min(2).max(16)).max(8).describe('Widths that a budget may use; 16: left as they are.'),
  keep: z.array(z.string().max(512)).max(4096).describe('Patterns of matrices that stay at 16 bits in any budget.'),
  sameInLayer: z.boolean().describe('True when a budget gives every matrix of a layer the same.'),
  axis: z.enum(['perplexity', 'rise']).describe('What the charts show upright: perplexity, or by how much it rose.'),
})
export type SweepChoices = z.infer<typeof sweepChoices>

/** renderer → host: what is known of the newest calibration of a project. */
export const sweepGetParams = z.object({ projectId: rowId })
export const sweepGetResult = z.object({
  projectId: rowId,
  calibrationId: rowId.optional().describe('The calibration that all of it belongs to; absent before the first.'),
  tokensPerSample: z.int().min(1).optional().describe('Predicted tokens in a sequence of that calibration.'),
  tableVersion: z
    .string()
    .optional()
    .describe('Names the table of errors: ask for it once for each name. Absent until all matrices are tabulated.'),
  stamp: stamp.optional().describe('How the points were measured; absent when there are none.'),
  referenceNll: z.number().optional().describe('Loss of the checkpoint by the same stamp, nats per token.'),
  points: z.array(measuredPoint).describe('All by the stamp, in the order in which they were measured.'),
  choices: sweepChoices.optional().describe('As last chosen; absent before the first time.'),
})
export type SweepState = z.infer<typeof sweepGetResult>

/** renderer → host: errors of every matrix by width and sparsity. Refused with not-found when there is no such table. */
export const sweepTableParams = z.object({ projectId: rowId, version: z.string().max(512) })
export const sweepTableResult = z.object({
  version: z.string(),
  matrices: z.array(matrixErrors).describe('In the order of the checkpoint.'),
  otherBytes: sizeBytes.describe('Bytes of the checkpoint outside the matrices.'),
})
export type SweepTable = z.infer<typeof sweepTableResult>

/** renderer → host: keeps what was chosen, for the next time that the project is opened. */
export const sweepChooseParams = z.object({ projectId: rowId, choices: sweepChoices })
export const sweepChooseResult = z.object({})

/**
 * renderer → host: calibrates and tabulates where that is not done, then measures these recipes on the bundled
 * held-out text; points that are known are not measured again. Answers with jobBegun.
 */
export const sweepStartParams = z.object({ projectId: rowId, recipes: z.array(recipe).min(1).max(256) })
