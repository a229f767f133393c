import type { MatrixInfo } from '../../../shared/contract/sidecar/checkpoint.ts'
import type { CheckpointFacts } from '../../../shared/contract/studio/index.ts'
import { ATTENTION } from '../../features/checkpoint/parts.ts'

/** One tile of the map. */
export type Leaf = {
  name: string
  sizeBytes: number
  /** Which of the four parts of a checkpoint it belongs to; says its colour. */
  part: 1 | 2 | 3 | 4
  /** Absent for what is no matrix of a layer. */
  matrix?: MatrixInfo
}
export type Group = { name: string; leaves: Leaf[] }
export type Grouping = 'layer' | 'kind'

/** All bytes of the checkpoint, each once: the matrices by layer or by kind, then what lies outside of the layers. */
export function byteGroups(facts: CheckpointFacts, matrices: MatrixInfo[], grouping: Grouping): Group[] {
  const groups = new Map<string, Group>()
  for (const matrix of matrices) {
    const { role, layer, sizeBytes } = matrix
    const name = grouping === 'layer' ? `Layer ${layer}` : role
    const group = groups.get(name) ?? { name, leaves: [] }
    const part = ATTENTION.has(role) ? 2 : 1
    group.leaves.push({ name: grouping === 'layer' ? role : `Layer ${layer}`, sizeBytes, part, matrix })
    groups.set(name, group)
  }
  const inMatrices = matrices.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  const rest = Math.max(0, facts.sizeBytes - inMatrices - facts.embeddingBytes)
  const embedding = facts.tiedEmbeddings ? 'Embedding, also the head' : 'Embedding and head'
  return [
    ...groups.values(),
    { name: embedding, leaves: [{ name: embedding, sizeBytes: facts.embeddingBytes, part: 3 }] },
    { name: REST, leaves: [{ name: REST, sizeBytes: rest, part: 4 }] },
  ]
}

const REST = 'Norms and the rest'
