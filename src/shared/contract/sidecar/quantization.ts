import { z } from 'zod'
import { device, durationMs, sizeBytes, threads } from './common.ts'

export const recipeOverride = z.object({
  match: z
    .string()
    .describe('Matrices by tensor name without ".weight"; * stands for any characters, ? for one: "*.down_proj".'),
  bits: z.int().min(2).max(16).optional().describe('Bits of an index, 2 to 8; 16 keeps the matrix as it is.'),
  sparsity: z.number().min(0).max(0.2).optional().describe('Fraction of the weights kept exactly, 0..0.2.'),
})
export type RecipeOverride = z.infer<typeof recipeOverride>

const outsideBits = z.int().min(4).max(16)

export const recipe = z.object({
  method: z.string().describe('Id of the method: "squeezellm", "rtn".'),
  bits: z.int().min(2).max(8).describe('Bits of an index.'),
  sparsity: z.number().min(0).max(0.2).describe('Fraction of the weights kept exactly, 0..0.2.'),
  outliers: z
    .enum(['paper', 'loss-aware'])
    .describe('How the kept weights are chosen: sensitive ones and a quartile fence, or by what they save.'),
  solver: z.enum(['exact', 'lloyd']).describe('Clustering of a row: global optimum, or Lloyd iterations.'),
  weighting: z.enum(['fisher', 'none']).describe('Sensitivity of the calibration, or every weight alike.'),
  overrides: z
    .array(recipeOverride)
    .max(100_000)
    .optional()
    .describe('What single matrices get instead; where several match, the last one that names a field counts.'),
  group: z
    .int()
    .min(0)
    .max(1_048_576)
    .optional()
    .describe(
      'Weights along a row that one codebook serves at most, 32 or more; rows are cut evenly. 0 or absent: a whole row.',
    ),
  share: z.int().min(1).max(65_536).optional().describe('Neighbouring rows that share a codebook at most; absent: 1.'),
  embeddingBits: outsideBits.optional().describe('Width of the embedding: 4 or 8 bits; 16 or absent: as it is.'),
  headBits: outsideBits
    .optional()
    .describe('Width of the output head, likewise; of a tied pair both fields are to say the same, or one is absent.'),
  refine: z
    .int()
    .min(0)
    .max(10_000)
    .optional()
    .describe('Steps of gradient descent on the codebooks, indices fixed, after the clustering; absent or 0: none.'),
})
export type Recipe = z.infer<typeof recipe>

/** host → sidecar, starts a job. */
export const quantizationStartParams = z.object({
  checkpoint: z.string().describe('Folder of a dense checkpoint.'),
  calibration: z
    .string()
    .optional()
    .describe('Folder of a calibration of the same checkpoint; needed when weighting is "fisher".'),
  tokens: z
    .string()
    .optional()
    .describe(
      'safetensors file with "tokens", int32 [samples, length]; needed when the recipe refines without a calibration.',
    ),
  recipe,
  out: z.string().describe('Folder to make; an unfinished one of the same inputs beside it is taken up again.'),
  device,
  threads,
})

export const matrixOutcome = z.object({
  name: z.string().describe('Tensor name of the matrix.'),
  layer: z.int().min(0).describe('Zero-based decoder layer.'),
  role: z.string().describe('Place in the layer: q, k, v, o, gate, up, down, fc1, fc2.'),
  bits: z.int().min(2).max(16).describe('Bits of an index; 16 when the matrix was kept.'),
  sparseCount: z.int().min(0).describe('Weights kept exactly.'),
  bitsPerWeight: z.number().min(0).describe('All stored bits of the matrix over its weights.'),
  objective: z.number().min(0).describe('Sum of F·(w − ŵ)² over the matrix; with weighting "none", sum of (w − ŵ)².'),
  relativeError: z.number().min(0).describe('‖w − ŵ‖ / ‖w‖ over the matrix.'),
})

/** The embedding or the head; both at once where they are tied. */
export const outsideOutcome = z.object({
  name: z.string().describe('Tensor name of the matrix.'),
  embedding: z.boolean().describe('True for the embedding.'),
  head: z.boolean().describe('True for the head.'),
  bits: z.int().min(4).max(8).describe('Bits of a value.'),
  bitsPerWeight: z.number().min(0).describe('All stored bits of the matrix over its weights.'),
  sizeBytes: sizeBytes.describe('All stored bytes of the matrix.'),
  relativeError: z.number().min(0).describe('‖w − ŵ‖ / ‖w‖ over the matrix.'),
})
export const refinement = z.object({
  steps: z.int().min(1).describe('Steps that were made.'),
  bestStep: z.int().min(0).describe('The step that is kept; 0 when none was better than the codebooks as clustered.'),
  samples: z.int().min(1).describe('Sequences that it learnt from.'),
  heldOut: z.int().min(1).describe('Sequences of the same text that it was judged by.'),
  before: z.number().min(0).describe('Mean KL divergence from the checkpoint on those before, nats per token.'),
  after: z.number().min(0).describe('The same of the step that is kept.'),
})
export type Refinement = z.infer<typeof refinement>

export const quantizationResult = z.object({
  kind: z.literal('quantization'),
  out: z.string().describe('Folder of the result, in Hugging Face layout.'),
  fingerprint: z.string().describe('Fingerprint of the result.'),
  checkpointFingerprint: z.string().describe('Fingerprint of the checkpoint.'),
  calibrationFingerprint: z.string().optional().describe('Fingerprint of the calibration, where one was used.'),
  recipe,
  bitsPerWeight: z
    .number()
    .min(0)
    .describe('Stored bits of the matrices over their weights; embedding and head apart.'),
  sizeBytes: sizeBytes.describe('Bytes of the weight files of the result.'),
  checkpointSizeBytes: sizeBytes.describe('Bytes of the weight files of the checkpoint.'),
  fp16SizeBytes: sizeBytes.describe('Bytes that the checkpoint takes with every parameter at 16 bits.'),
  objective: z.number().min(0).describe('Sum over the matrices.'),
  matrices: z.array(matrixOutcome).describe('One entry for each matrix, in the order of the checkpoint.'),
  outside: z.array(outsideOutcome).optional().describe('Embedding and head, where the recipe squeezes them.'),
  refinement: refinement.optional().describe('Where the recipe refines.'),
  resumedMatrices: z.int().min(0).describe('Matrices taken over from an interrupted run.'),
  peakMemoryBytes: sizeBytes.describe('Peak resident memory of the sidecar.'),
  durationMs,
})
export type QuantizationResult = z.infer<typeof quantizationResult>
