import { expect, it } from 'vitest'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { CheckpointFacts } from '../../../shared/contract/studio/index.ts'
import { estimate } from './estimate.ts'

const checkpoint = {
  hiddenSize: 4096,
  roles: [{ role: 'q', weights: 4096 * 4096, sizeBytes: 2 * 4096 * 4096 }],
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
