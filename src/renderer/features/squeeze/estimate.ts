import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { CheckpointFacts } from '../../../shared/contract/studio/index.ts'

export type Estimate = { bitsPerWeight: number; sizeBytes: number }

/** Of a codebook's entry, and of what is not squeezed. */
const BITS_OF_FP16 = 16
/** A kept weight: its value and its column. */
const BITS_OF_ENTRY = 32

/**
 * What a recipe will take on disk, before anything is done. Codebooks are counted for rows as long as the model is wide;
 * an MLP's longer rows make it a little less. The result says exactly.
 */
export function estimate(checkpoint: CheckpointFacts, { method, bits, sparsity }: Recipe): Estimate {
  const columns = checkpoint.hiddenSize
  const table = method === 'rtn' ? 2 * BITS_OF_FP16 : BITS_OF_FP16 * 2 ** bits
  const sparse = sparsity > 0 ? sparsity * BITS_OF_ENTRY + BITS_OF_ENTRY / columns : 0
  const bitsPerWeight = bits + table / columns + sparse
  const weights = checkpoint.roles.reduce((sum, role) => sum + role.weights, 0)
  const unsqueezed = checkpoint.embeddingBytes + checkpoint.otherBytes
  return { bitsPerWeight, sizeBytes: (weights * bitsPerWeight) / 8 + unsqueezed }
}
