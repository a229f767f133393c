import { expect, it } from 'vitest'
import type { CheckpointFacts } from '../../../shared/contract/studio/index.ts'
import { contextOf, fits, verdict } from './fits.ts'

/** The bundled sample, as `squeeze inspect` says it. */
const sample = {
  parameters: 3_475_712,
  layers: 4,
  hiddenSize: 256,
  kvHeads: 4,
  headDim: 32,
  contextLength: 512,
  tiedEmbeddings: true,
  sizeBytes: 6_955_480,
  embeddingBytes: 1_048_576,
  otherBytes: 4608,
  roles: [{ role: 'all', weights: 2_949_120, sizeBytes: 5_898_240 }],
} as unknown as CheckpointFacts

it('orders the ways from most bits to fewest', () => {
  expect(fits(sample).map(({ bits, sparsity }) => [bits, sparsity])).toEqual([
    [16, 0],
    [8, 0],
    [4, 0],
    [4, 0.0045],
    [3, 0],
    [3, 0.0045],
    [2, 0],
    [2, 0.0045],
  ])
})

it('reckons the memory as the sidecar does, which says 9,306,112 bytes with a cache of 640 tokens', () => {
  const [dense] = fits({ ...sample, contextLength: 640 })
  // Norms are not in the sidecar's figure.
  expect((dense?.memoryBytes ?? 0) - sample.otherBytes).toBe(9_306_112)
})

it('reckons with the limit of the model, and with no more than is usual', () => {
  expect(contextOf(sample)).toBe(512)
  expect(contextOf({ ...sample, contextLength: 131_072 })).toBe(4096)
})

it('counts no copy of a head of its own', () => {
  const [tied] = fits(sample)
  const [own] = fits({ ...sample, tiedEmbeddings: false })
  expect((tied?.memoryBytes ?? 0) - (own?.memoryBytes ?? 0)).toBe(sample.embeddingBytes)
})

it.each([
  [10, 100, 'fits'],
  [85, 100, 'fits'],
  [86, 100, 'barely fits'],
  [100, 100, 'barely fits'],
  [101, 100, 'does not fit'],
] as const)('of %d bytes in %d says: %s', (needed, free, words) => expect(verdict(needed, free)).toBe(words))
