import { expect, it } from 'vitest'
import type { MatrixInfo } from '../../../shared/contract/sidecar/checkpoint.ts'
import type { CheckpointFacts } from '../../../shared/contract/studio/index.ts'
import { byteGroups } from './byte-groups.ts'

const matrix = (layer: number, role: string, sizeBytes: number) =>
  ({ name: `${layer}.${role}`, layer, role, rows: 1, cols: 1, storedAs: 'F16', sizeBytes }) satisfies MatrixInfo
const matrices = [matrix(0, 'q', 10), matrix(0, 'up', 20), matrix(1, 'q', 11), matrix(1, 'up', 21)]
const facts = { sizeBytes: 100, embeddingBytes: 30, otherBytes: 2, tiedEmbeddings: true } as CheckpointFacts

it('puts matrices under their layers, each byte once', () => {
  const groups = byteGroups(facts, matrices, 'layer')
  expect(groups.map(({ name }) => name)).toEqual([
    'Layer 0',
    'Layer 1',
    'Embedding, also the head',
    'Norms and the rest',
  ])
  expect(groups[1]?.leaves).toEqual([
    { name: 'q', sizeBytes: 11, part: 2, matrix: matrices[2] },
    { name: 'up', sizeBytes: 21, part: 1, matrix: matrices[3] },
  ])
  const bytes = groups.flatMap(({ leaves }) => leaves).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  expect(bytes).toBe(facts.sizeBytes)
})

it('puts layers under the kinds of matrix', () => {
  const [q, up] = byteGroups({ ...facts, tiedEmbeddings: false }, matrices, 'kind')
  expect([q?.name, up?.name]).toEqual(['q', 'up'])
  expect(q?.leaves.map(({ name, sizeBytes }) => [name, sizeBytes])).toEqual([
    ['Layer 0', 10],
    ['Layer 1', 11],
  ])
})
