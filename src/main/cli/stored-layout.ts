import { InvalidArgumentError } from 'commander'
import type { StoredLayout } from '../../shared/contract/sidecar/synthesis.ts'
import { fraction } from './options.ts'
import { percent } from './units.ts'

/** A layout with the words that it was asked for in. */
export type NamedLayout = { label: string; weights: StoredLayout }

/** "f16", "bf16", the bits of a codebook, or those with the share that is kept exactly: "3+0.45%". */
export function storedLayout(text: string): StoredLayout {
  const [, dense, bits, sparsity] = /^(?:(f16|bf16)|([2-8])(?:\+(.+))?)$/.exec(text) ?? []
  if (dense !== undefined) return { type: dense as 'f16' | 'bf16', sparsity: 0 }
  if (bits === undefined) throw new InvalidArgumentError('Expected f16, bf16, 2 to 8, or such as 3+0.45%.')
  return { type: 'lut', bits: Number(bits), sparsity: sparsity === undefined ? 0 : fraction(0.2)(sparsity) }
}

/** Several, between commas. */
export function storedLayouts(text: string): NamedLayout[] {
  const labels = text.split(',').map((label) => label.trim())
  const repeated = labels.find((label, index) => labels.indexOf(label) !== index)
  if (repeated !== undefined) throw new InvalidArgumentError(`${repeated} is named twice.`)
  return labels.map((label) => ({ label, weights: storedLayout(label) }))
}

/** "F16", "3 bits", "3 bits + 0.45%". */
export function storedLayoutText({ type, bits, sparsity }: StoredLayout): string {
  if (type !== 'lut') return type.toUpperCase()
  return `${bits} bits${sparsity > 0 ? ` + ${percent(sparsity)}` : ''}`
}
