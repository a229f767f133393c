import type { CheckpointFacts } from '../../../shared/contract/studio/index.ts'

export type Part = { name: string; sizeBytes: number }

export const ATTENTION = new Set(['q', 'k', 'v', 'o'])

/** Where the bytes of the checkpoint are, in four parts that add up to the whole. */
export function bytesByPart({ roles, embeddingBytes, sizeBytes }: CheckpointFacts): Part[] {
  const sum = (wanted: (role: string) => boolean) =>
    roles.filter(({ role }) => wanted(role)).reduce((total, { sizeBytes }) => total + sizeBytes, 0)
  const attention = sum((role) => ATTENTION.has(role))
  const mlp = sum((role) => !ATTENTION.has(role))
  return [
    { name: 'MLP', sizeBytes: mlp },
    { name: 'Attention', sizeBytes: attention },
    { name: 'Embedding and head', sizeBytes: embeddingBytes },
    { name: 'Norms and the rest', sizeBytes: Math.max(0, sizeBytes - attention - mlp - embeddingBytes) },
  ]
}
