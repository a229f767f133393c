import { expect, it } from 'vitest'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { CheckpointFacts } from '../../../shared/contract/studio/index.ts'
import { estimate } from './estimate.ts'

const checkpoint = {
  hiddenSize: 4096,
  roles: [{ role: 'q', weights: 4096 * 4096, sizeBytes: 2 * 4096 * 4096 }],
  tiedEmbeddings: false,
  vocabularySize: 1000,
  embeddingBytes: 1000,
  otherBytes: 24,
} as CheckpointFacts
const recipe: Recipe = {
  method: 'squeezellm',
  bits: 3,
  sparsity: 0,
  outliers: 'paper',
  solver: 'exact',
  weighting: 'fisher',
}

it('counts indices, codebooks and what is kept', () => {
  const dense = estimate(checkpoint, recipe)
  expect(dense.bitsPerWeight).toBeCloseTo(3 + (8 * 16) / 4096)
  expect(dense.sizeBytes).toBeCloseTo((4096 * 4096 * dense.bitsPerWeight) / 8 + 1024)
  const sparse = estimate(checkpoint, { ...recipe, sparsity: 0.0045 })
  expect(sparse.bitsPerWeight - dense.bitsPerWeight).toBeCloseTo(0.0045 * 32 + 32 / 4096)
  expect(estimate(checkpoint, { ...recipe, method: 'rtn' }).bitsPerWeight).toBeLessThan(dense.bitsPerWeight)
})

it('counts codebooks of other weights than a row, and a squeezed embedding and head', () => {
  const dense = estimate(checkpoint, recipe)
  expect(estimate(checkpoint, { ...recipe, share: 4 }).bitsPerWeight).toBeCloseTo(3 + (8 * 16) / (4 * 4096))
  expect(estimate(checkpoint, { ...recipe, group: 128 }).bitsPerWeight).toBeCloseTo(3 + (8 * 16) / 128)
  const weights = 1000 * 4096
  const both = estimate(checkpoint, { ...recipe, embeddingBits: 8, headBits: 4 })
  expect(both.sizeBytes - dense.sizeBytes).toBeCloseTo((weights * (8 + 32 / 4096 + 4 + 1 / 8)) / 8 - 1000)
  const tied = estimate({ ...checkpoint, tiedEmbeddings: true }, { ...recipe, headBits: 8 })
  expect(tied.sizeBytes - dense.sizeBytes).toBeCloseTo((weights * (8 + 32 / 4096)) / 8 - 1000)
})
