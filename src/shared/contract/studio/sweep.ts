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

/** renderer → host: what is known of the newest calibration of a project. */
export const sweepGetParams = z.object({ projectId: rowId })
export const sweepGetResult = z.object({
  projectId: rowId,
  calibrationId: rowId.optional().describe('The calibration that all of it belongs to; absent before the first.'),
  tokensPerSample: z.int().min(1).optional().describe('Predicted tokens in a sequence of that calibration.'),
  table: z
    .object({
      matrices: z.array(matrixErrors).describe('In the order of the checkpoint.'),
      otherBytes: sizeBytes.describe('Bytes of the checkpoint outside the matrices.'),
    })
    .optional()
    .describe('Errors of every matrix by width and sparsity; absent until they are tabulated.'),
  stamp: stamp.optional().describe('How the points were measured; absent when there are none.'),
  referenceNll: z.number().optional().describe('Loss of the checkpoint by the same stamp, nats per token.'),
  points: z.array(measuredPoint).describe('All by the stamp, in the order in which they were measured.'),
})
export type SweepState = z.infer<typeof sweepGetResult>

/**
 * renderer → host: calibrates and tabulates where that is not done, then measures these recipes on the bundled
 * held-out text; points that are known are not measured again. Answers with jobBegun.
 */
export const sweepStartParams = z.object({ projectId: rowId, recipes: z.array(recipe).min(1).max(256) })
