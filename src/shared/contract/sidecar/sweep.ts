import { z } from 'zod'
import { device, durationMs, hiddenStateBytes, jobId, precision, sizeBytes, threads } from './common.ts'
import { recipe } from './quantization.ts'

/** host → sidecar, starts a job: what every matrix would lose at every width and sparsity. Nothing is written. */
export const errorsStartParams = z.object({
  checkpoint: z.string().describe('Folder of a dense checkpoint.'),
  calibration: z.string().describe('Folder of a calibration of the same checkpoint.'),
  bits: z.array(z.int().min(2).max(8)).min(1).max(7).describe('Widths of an index to tabulate.'),
  sparsities: z.array(z.number().min(0).max(0.2)).min(1).max(64).describe('Fractions of the weights kept exactly.'),
  outliers: recipe.shape.outliers,
  skip: z.array(z.string()).max(1_000_000).describe('Tensor names of matrices that are tabulated already.'),
  rows: z
    .int()
    .min(1)
    .optional()
    .describe('Rows of a matrix to cluster at most; of one that has more, errors are estimated. Absent: all.'),
  device,
  threads,
})

export const errorCell = z.object({
  bits: z.int().min(2).max(8).describe('Bits of an index.'),
  sparsity: z.number().min(0).max(0.2).describe('Fraction of the weights asked to be kept exactly.'),
  objective: z
    .number()
    .min(0)
    .describe('Sum of F·(w − ŵ)² over the matrix, as a result of this recipe has it or nearly so.'),
  sizeBytes: sizeBytes.describe('All stored bytes of the matrix: indices, codebooks, sparse part.'),
})
export type ErrorCell = z.infer<typeof errorCell>

export const matrixErrors = z.object({
  name: z.string().describe('Tensor name of the matrix.'),
  layer: z.int().min(0).describe('Zero-based decoder layer.'),
  role: z.string().describe('Place in the layer: q, k, v, o, gate, up, down, fc1, fc2.'),
  weights: z.int().min(1).describe('Weights of the matrix.'),
  denseBytes: sizeBytes.describe('Bytes of the matrix in the checkpoint.'),
  clusteredRows: z
    .int()
    .min(1)
    .optional()
    .describe('Rows that the errors are estimated from; absent where they are of all rows and exact.'),
  cells: z.array(errorCell).describe('One entry for each sparsity and width, in the order asked for.'),
})
export type MatrixErrors = z.infer<typeof matrixErrors>

/** sidecar → host, as each matrix is through. */
export const errorsMeasured = z.object({ jobId, matrix: matrixErrors })
export type ErrorsMeasured = z.infer<typeof errorsMeasured>

export const errorsResult = z.object({
  kind: z.literal('errors'),
  checkpointFingerprint: z.string().describe('Fingerprint of the checkpoint.'),
  calibrationFingerprint: z.string().describe('Fingerprint of the calibration.'),
  matrices: z.int().min(0).describe('Matrices reported by this job.'),
  peakMemoryBytes: sizeBytes.describe('Peak resident memory of the sidecar.'),
  durationMs,
})
export type ErrorsResult = z.infer<typeof errorsResult>

/** host → sidecar, starts a job: squeezes by every recipe in memory and evaluates them a few at a time. */
export const sweepStartParams = z.object({
  checkpoint: z.string().describe('Folder of a dense checkpoint.'),
  calibration: z
    .string()
    .optional()
    .describe('Folder of a calibration of the same checkpoint; needed when a weighting is "fisher".'),
  tokens: z
    .string()
    .describe('safetensors file with "tokens", int32 [windows, length]; every token but the first is predicted.'),
  recipes: z.array(recipe).min(1).max(256).describe('One for each point.'),
  precision,
  device,
  threads,
  memoryLimitBytes: hiddenStateBytes,
})

export const sweepPoint = z.object({
  bitsPerWeight: z.number().min(0).describe('Stored bits of the matrices over their weights.'),
  sizeBytes: sizeBytes.describe('Bytes that the weight files of a result of this recipe would take, headers apart.'),
  objective: z.number().min(0).describe('Sum of F·(w − ŵ)² over all matrices.'),
  diverged: z.boolean().describe('True when the loss is not finite; the figures below are then absent.'),
  perplexity: z.number().optional().describe('Exponent of meanNll.'),
  meanNll: z.number().optional().describe('Mean negative log-likelihood per predicted token, nats.'),
  klMean: z.number().optional().describe('Mean over predicted tokens of KL(checkpoint ‖ point), nats.'),
  top1Agreement: z.number().min(0).max(1).optional().describe('Fraction of tokens where both put the same one first.'),
})
export type SweepPoint = z.infer<typeof sweepPoint>

/** sidecar → host, as each point is through: what an interrupted job has given so far counts. */
export const sweepMeasured = z.object({
  jobId,
  place: z.int().min(0).describe('Place of its recipe in the request.'),
  point: sweepPoint,
  meanNll: z.number().optional().describe('Of the checkpoint itself, nats; absent when it is not finite.'),
  tokens: z.int().min(0).describe('Predicted tokens.'),
  windows: z.int().min(0).describe('Windows read.'),
})
export type SweepMeasured = z.infer<typeof sweepMeasured>

export const sweepResult = z.object({
  kind: z.literal('sweep'),
  points: z.array(sweepPoint).describe('One for each recipe, in their order.'),
  meanNll: z.number().optional().describe('Of the checkpoint itself, nats; absent when it is not finite.'),
  tokens: z.int().min(0).describe('Predicted tokens.'),
  windows: z.int().min(0).describe('Windows read.'),
  windowLength: z.int().min(2).describe('Tokens in a window.'),
  precision,
  peakMemoryBytes: sizeBytes.describe('Peak resident memory of the sidecar.'),
  durationMs,
})
export type SweepResult = z.infer<typeof sweepResult>
