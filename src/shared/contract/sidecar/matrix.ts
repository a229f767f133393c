/**
 * Looks into one matrix of a dense checkpoint and its F, the sensitivities of a calibration. Answered at once, in one
 * thread beside the jobs; nothing is written. What would take memory or time without bound is read from a part of the
 * rows, and each answer says how many those were.
 */
import { z } from 'zod'

const matrixInSight = {
  checkpoint: z.string().describe('Folder of a dense checkpoint.'),
  calibration: z.string().describe('Folder of a calibration of the same checkpoint.'),
  tensor: z.string().describe('Tensor name of the matrix, with ".weight".'),
}

const packedFloats = z.string().describe('Numbers as fp32, little-endian, in base64.')

export const matrixEntry = z.object({
  row: z.int().min(0).describe('Output channel, from 0.'),
  col: z.int().min(0).describe('In-feature, from 0.'),
  value: z.number().describe('The weight.'),
  sensitivity: z.number().min(0).describe('Its F, nats² per squared weight.'),
})
export type MatrixEntry = z.infer<typeof matrixEntry>

/** host → sidecar: what can be said of all weights, from every one of them. */
export const matrixWeightsParams = z.object(matrixInSight)

export const matrixWeightsResult = z.object({
  rows: z.int().min(1).describe('N, output channels.'),
  cols: z.int().min(1).describe('K, in-features.'),
  min: z.number().describe('Smallest weight.'),
  max: z.number().describe('Largest weight.'),
  mean: z.number().describe('Mean of the weights.'),
  deviation: z.number().min(0).describe('Standard deviation of the weights.'),
  histogram: z
    .array(z.int().min(0))
    .describe('How many weights lie in each of equally wide bins from min to max; the last bin holds max too.'),
  sensitivitySum: z.number().min(0).describe('Sum of F over the matrix, nats² per squared weight.'),
  sensitivityMax: z.number().min(0).describe('Largest F.'),
  ofRows: packedFloats.describe('Sum of F of each output channel, N numbers as little-endian fp32 in base64.'),
  ofCols: packedFloats.describe('Sum of F of each in-feature, K numbers as little-endian fp32 in base64.'),
  largest: z.array(matrixEntry).describe('The weights of the largest magnitude, at most 8, largest first.'),
  mostSensitive: z.array(matrixEntry).describe('The weights of the largest F, at most 8, largest first.'),
})
export type MatrixWeights = z.infer<typeof matrixWeightsResult>

/** host → sidecar: one output channel, with its best codebooks of every width. */
export const matrixChannelParams = z.object({
  ...matrixInSight,
  channel: z.int().min(0).describe('Output channel, from 0.'),
})

export const channelCodebook = z.object({
  bits: z.int().min(2).max(8).describe('Bits of an index.'),
  entries: z.array(z.number()).describe('The codebook as it is stored, fp16, ascending.'),
  objective: z.number().min(0).describe('Sum of F·(w − c)² over the channel, nothing kept exactly.'),
  relativeError: z.number().min(0).describe('‖w − c‖ / ‖w‖ over the channel.'),
})
export type ChannelCodebook = z.infer<typeof channelCodebook>

export const matrixChannelResult = z.object({
  channel: z.int().min(0).describe('Output channel, from 0.'),
  weights: packedFloats.describe('The weights of the channel, K numbers as little-endian fp32 in base64.'),
  sensitivities: packedFloats.describe('F of each of them, K numbers as little-endian fp32 in base64.'),
  codebooks: z
    .array(channelCodebook)
    .describe('2 to 8 bits: optimal for F (equal weights where all F are 0), by one dynamic program.'),
})
export type MatrixChannel = z.infer<typeof matrixChannelResult>

/** host → sidecar: what the published rule would keep exactly, and what codebooks cost with and without it. */
export const matrixOutliersParams = z.object({
  ...matrixInSight,
  sparsity: z.number().min(0).max(0.2).describe('Fraction of the weights of the model kept exactly.'),
})

export const widthCost = z.object({
  bits: z.int().min(2).max(8).describe('Bits of an index.'),
  objective: z.number().min(0).describe('Sum of F·(w − c)² over the clustered rows, nothing kept exactly.'),
  keptShare: z.number().min(0).max(1).describe('Fraction of that objective that falls to the weights of the rule.'),
  relativeError: z.number().min(0).describe('‖w − c‖ / ‖w‖ over the clustered rows, nothing kept exactly.'),
  spread: z
    .array(z.int().min(0))
    .describe('How many entries of the codebooks lie in each of equally wide bins from low to high.'),
})
export type WidthCost = z.infer<typeof widthCost>

export const matrixOutliersResult = z.object({
  sparsity: z.number().min(0).max(0.2).describe('As asked for.'),
  range: z
    .number()
    .min(0)
    .optional()
    .describe('r of the quartile rule, one for the model; absent where the sensitive ones are the whole share.'),
  rangeRowStep: z.int().min(1).describe('r was found from one row of so many in each matrix; 1 is all of them.'),
  rowsRead: z.int().min(1).describe('Rows of the matrix that the counts and the fences are from.'),
  fenceLow: z.number().optional().describe('Weights at or below are outliers: −T; absent where r is.'),
  fenceHigh: z.number().optional().describe('Weights at or above are outliers: T; absent where r is.'),
  sensitive: z.int().min(0).describe('Weights kept for their F, in the rows read.'),
  beyond: z.int().min(0).describe('Weights kept for being beyond a fence, besides those, in the rows read.'),
  rowsClustered: z.int().min(1).describe('Rows whose codebooks the costs below are from.'),
  low: z.number().describe('Where the bins of the spreads begin.'),
  high: z.number().describe('Where they end.'),
  widths: z.array(widthCost).describe('2 to 8 bits.'),
})
export type MatrixOutliers = z.infer<typeof matrixOutliersResult>

/** host → sidecar: a part of the matrix as a picture of at most 1024 × 512 cells, each of which stands for a block. */
export const matrixTileParams = z.object({
  ...matrixInSight,
  show: z.enum(['weight', 'sensitivity']).describe('The weights, or F.'),
  pool: z
    .enum(['mean', 'extreme'])
    .describe('What a cell shows of its block: the mean, or the entry of the largest magnitude with its sign.'),
  row: z.int().min(0).describe('First row of the part.'),
  col: z.int().min(0).describe('First column of the part.'),
  rows: z.int().min(1).describe('Rows of the part.'),
  cols: z.int().min(1).describe('Columns of the part.'),
  height: z.int().min(1).max(512).describe('Cells down; no more than rows.'),
  width: z.int().min(1).max(1024).describe('Cells across; no more than cols.'),
})

export const matrixTileResult = z.object({
  height: z.int().min(1).describe('Cells down.'),
  width: z.int().min(1).describe('Cells across.'),
  cells: z
    .string()
    .describe(
      'Row after row, bfloat16, little-endian, in base64. Cell (y, x) stands for the rows from ⌊y·rows/height⌋ up to ⌊(y+1)·rows/height⌋, columns likewise.',
    ),
})
export type MatrixTile = z.infer<typeof matrixTileResult>
