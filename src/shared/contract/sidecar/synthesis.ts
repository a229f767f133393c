import { z } from 'zod'
import { durationMs, sizeBytes, threads } from './common.ts'

export const storedType = z.enum(['f16', 'bf16', 'lut']).describe('Dense at 16 bits, or a codebook per output channel.')

export const storedLayout = z
  .object({
    type: storedType,
    bits: z.int().min(2).max(8).optional().describe('Bits of an index; present exactly when type is "lut".'),
    sparsity: z
      .number()
      .min(0)
      .max(0.2)
      .describe('Share of the weights kept beside the codebook, 0..0.2; 0 when dense.'),
  })
  .describe('How the weights of a matrix are stored.')
export type StoredLayout = z.infer<typeof storedLayout>

export const modelShape = z
  .object({
    hidden: z.int().min(2).max(65_536).describe('Width of the residual stream; heads divide it into even parts.'),
    layers: z.int().min(1).max(1024).describe('L, decoder layers.'),
    intermediate: z.int().min(1).max(65_536).describe('Width inside the MLP.'),
    heads: z.int().min(1).max(1024).describe('Query heads.'),
    kvHeads: z.int().min(1).max(1024).describe('Key and value heads; divides heads.'),
    vocabulary: z.int().min(2).max(1_048_576).describe('V, rows of embedding and head.'),
    context: z.int().min(1).max(1_048_576).describe('Longest sequence that the config tells of, tokens.'),
  })
  .describe('Sizes of a Llama with a head of its own.')
export type ModelShape = z.infer<typeof modelShape>

/** host → sidecar, starts a job: a model of random weights, to measure speed and memory of a shape with. */
export const synthesisStartParams = z.object({
  shape: modelShape,
  weights: storedLayout.describe('Layout of the matrices in the layers.'),
  head: storedLayout.describe('Layout of the head. The embedding is F16.'),
  seed: z.int().min(0).describe('The same seed gives the same weights.'),
  out: z.string().describe('Folder to make.'),
  threads,
})

export const synthesisResult = z.object({
  kind: z.literal('synthesis'),
  out: z.string().describe('Folder made, in Hugging Face layout; without a tokenizer.'),
  parameters: z.int().min(0).describe('Count of parameters.'),
  sizeBytes: sizeBytes.describe('Bytes of the weight files.'),
  durationMs,
})
export type SynthesisResult = z.infer<typeof synthesisResult>
