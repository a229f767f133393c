import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { CheckpointFacts } from '../../../shared/contract/studio/index.ts'
import { PAPER_FIELDS } from '../../../shared/recipe/beyond-paper.ts'

export type Estimate = { bitsPerWeight: number; sizeBytes: number }

/** Of a codebook's entry, and of what is not squeezed. */
const BITS_OF_FP16 = 16
/** A kept weight: its value and its column. */
const BITS_OF_ENTRY = 32
/** What codebooks of the embedding and the head may cost at most, bits per weight. */
const OUTSIDE_CODEBOOK = 1 / 8

/**
 * What a recipe will take on disk, before anything is done. Codebooks are counted for rows as long as the model is wide;
 * an MLP's longer rows make it a little less. The result says exactly.
 */
export function estimate(checkpoint: CheckpointFacts, recipe: Recipe): Estimate {
  const { method, bits, sparsity } = recipe
  const { group, share } = { ...PAPER_FIELDS, ...recipe }
  const columns = checkpoint.hiddenSize
  const table = method === 'rtn' ? 2 * BITS_OF_FP16 : BITS_OF_FP16 * 2 ** bits
  const served = Math.max(1, share) * (group > 0 ? Math.min(group, columns) : columns)
  const sparse = sparsity > 0 ? sparsity * BITS_OF_ENTRY + BITS_OF_ENTRY / columns : 0
  const bitsPerWeight = bits + table / served + sparse
  const weights = checkpoint.roles.reduce((sum, role) => sum + role.weights, 0)
  return { bitsPerWeight, sizeBytes: (weights * bitsPerWeight) / 8 + outsideBytes(checkpoint, recipe) }
}

/** Embedding and head, one matrix where they are tied, and what is never squeezed. */
function outsideBytes(checkpoint: CheckpointFacts, recipe: Recipe): number {
  const { tiedEmbeddings, vocabularySize, hiddenSize, embeddingBytes, otherBytes } = checkpoint
  const widths = tiedEmbeddings ? [recipe.embeddingBits ?? recipe.headBits] : [recipe.embeddingBits, recipe.headBits]
  const bytesOf = (width: number | undefined) => {
    if (width === undefined || width === BITS_OF_FP16) return embeddingBytes / widths.length
    const beside = width === 8 ? (2 * BITS_OF_FP16) / hiddenSize : OUTSIDE_CODEBOOK
    return (vocabularySize * hiddenSize * (width + beside)) / 8
  }
  return widths.reduce((sum: number, width) => sum + bytesOf(width), otherBytes)
}
