import type { CheckpointFacts } from '../../../shared/contract/studio/index.ts'
import { DEFAULT_RECIPE } from '../../../shared/recipe/default-recipe.ts'
import { estimate } from '../../features/squeeze/estimate.ts'

/** A way to keep the weights, and what it is expected to take. */
export type Fit = {
  bits: number
  /** Fraction of the weights kept exactly, 0..1. */
  sparsity: number
  bitsPerWeight: number
  /** Bytes of the weight files. */
  sizeBytes: number
  /** Bytes of the loaded model with its cache. */
  memoryBytes: number
}

const SQUEEZED = [8, 4, 3, 2].flatMap((bits) =>
  bits === 8 ? [{ bits, sparsity: 0 }] : [0, DEFAULT_RECIPE.sparsity].map((sparsity) => ({ bits, sparsity })),
)
const BYTES_OF_FP16 = 2
const USUAL_CONTEXT = 4096

/** Tokens that the estimate reckons with: the usual, or the limit of the model. */
export function contextOf({ contextLength }: CheckpointFacts): number {
  return Math.min(USUAL_CONTEXT, contextLength)
}

/** Most bits first. */
export function fits(checkpoint: CheckpointFacts): Fit[] {
  const around = cacheBytes(checkpoint, contextOf(checkpoint)) + copiedHeadBytes(checkpoint)
  const dense = { bits: 16, sparsity: 0, bitsPerWeight: 16, sizeBytes: BYTES_OF_FP16 * checkpoint.parameters }
  const squeezed = SQUEEZED.map((kept) => ({
    ...kept,
    ...estimate(checkpoint, { ...DEFAULT_RECIPE, ...kept }),
  }))
  return [dense, ...squeezed].map((fit) => ({ ...fit, memoryBytes: fit.sizeBytes + around }))
}

/** Keys and values of every layer, in fp16. */
function cacheBytes({ layers, kvHeads, headDim }: CheckpointFacts, tokens: number): number {
  return 2 * BYTES_OF_FP16 * layers * kvHeads * headDim * tokens
}

/** A head that is the embedding is copied into the layout that generation reads. */
function copiedHeadBytes({ tiedEmbeddings, embeddingBytes }: CheckpointFacts): number {
  return tiedEmbeddings ? embeddingBytes : 0
}

export type Verdict = 'fits' | 'barely fits' | 'does not fit'

/** Above this share there is hardly room for anything else. */
const BARELY = 0.85

export function verdict(memoryBytes: number, freeBytes: number): Verdict {
  if (memoryBytes > freeBytes) return 'does not fit'
  return memoryBytes > BARELY * freeBytes ? 'barely fits' : 'fits'
}
