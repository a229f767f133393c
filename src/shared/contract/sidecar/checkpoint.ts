import { z } from 'zod'
import { sizeBytes } from './common.ts'
import { recipe } from './quantization.ts'

export const matrixInfo = z.object({
  name: z.string().describe('Tensor name as the checkpoint spells it, with ".weight".'),
  layer: z.int().min(0).describe('Zero-based decoder layer.'),
  role: z.string().describe('Place in the layer: q, k, v, o, gate, up, down, fc1, fc2.'),
  rows: z.int().min(1).describe('N, output channels.'),
  cols: z.int().min(1).describe('K, in-features.'),
  storedAs: z
    .string()
    .describe('Data type of a dense matrix (F32, F16, BF16), or the stored layout of a squeezed one.'),
  sizeBytes: sizeBytes.describe('Bytes on disk of everything that belongs to the matrix.'),
})

export type MatrixInfo = z.infer<typeof matrixInfo>

export const checkpointWarning = z.object({
  code: z.string().describe('For programs, such as "embedding-large".'),
  message: z.string().describe('One sentence for a person.'),
})

/** host → sidecar. Reads headers and config only; nothing is copied or changed. */
export const checkpointInspectParams = z.object({
  path: z.string().describe('Folder of a checkpoint or of a result, or one .safetensors file in it.'),
})

export const checkpointInspectResult = z.object({
  path: z.string().describe('Absolute path of the folder.'),
  kind: z.enum(['dense', 'quantized']).describe('A checkpoint as trained, or a result of the studio.'),
  family: z.string().describe('Hugging Face model_type, such as "llama".'),
  architecture: z.string().describe('Class named in the config, such as "LlamaForCausalLM".'),
  dtype: z.string().describe('Data type of most weights: F32, F16 or BF16.'),
  parameters: z.int().min(0).describe('Count of parameters, tied ones once.'),
  layers: z.int().min(1).describe('L, decoder layers.'),
  hiddenSize: z.int().min(1).describe('Width of the residual stream.'),
  intermediateSize: z.int().min(1).describe('Width inside the MLP.'),
  heads: z.int().min(1).describe('Query heads.'),
  kvHeads: z.int().min(1).describe('Key and value heads.'),
  headDim: z.int().min(1).describe('D, size of one head.'),
  vocabularySize: z.int().min(1).describe('V, rows of the embedding.'),
  contextLength: z.int().min(1).describe('Longest sequence the model was made for, tokens.'),
  slidingWindow: z.int().min(1).optional().describe('Attention window in tokens, where the model has one.'),
  tiedEmbeddings: z.boolean().describe('True when the head is the embedding.'),
  sizeBytes: sizeBytes.describe('Bytes of all weight files.'),
  embeddingBytes: sizeBytes.describe('Bytes of embedding and head.'),
  otherBytes: sizeBytes.describe('Bytes of norms, biases and whatever is neither matrix, embedding nor head.'),
  fingerprint: z.string().describe('Hash of config, tensor headers and samples of every tensor; names the weights.'),
  matrices: z.array(matrixInfo).describe('Every linear inside the decoder layers, in order.'),
  bitsPerWeight: z.number().min(0).describe('Stored bits of the matrices over their weights.'),
  recipe: recipe.optional().describe('How a result was made.'),
  baseFingerprint: z.string().optional().describe('Fingerprint of the checkpoint that a result was made from.'),
  warnings: z.array(checkpointWarning).describe('What works but deserves a look.'),
})
export type CheckpointInspectResult = z.infer<typeof checkpointInspectResult>
