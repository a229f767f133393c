import type { ErrorTable } from './error-table.ts'

/** How large a squeezed checkpoint may be: its matrices in bits per weight, or all its weights in bytes. */
export type Budget = { amount: number; unit: 'bits per weight' | 'bytes' }

/** What a budget leaves to the matrices, bytes. */
export function matrixBytesOf(table: ErrorTable, { amount, unit }: Budget): number {
  if (unit === 'bytes') return amount - table.otherBytes
  return (amount * table.matrices.reduce((sum, { weights }) => sum + weights, 0)) / 8
}

const BYTES: Record<string, number> = { b: 1, kb: 1e3, mb: 1e6, gb: 1e9, kib: 2 ** 10, mib: 2 ** 20, gib: 2 ** 30 }

/** "3.25bpw", "3.5GB", "40 MiB"; undefined when it is none of these. */
export function parseBudget(text: string): Budget | undefined {
  const found = /^(\d+(?:\.\d+)?|\.\d+)\s*([a-z]+)$/i.exec(text.trim())
  if (!found?.[1] || !found[2]) return undefined
  const [amount, unit] = [Number(found[1]), found[2].toLowerCase()]
  if (!(amount > 0)) return undefined
  if (unit === 'bpw') return { amount, unit: 'bits per weight' }
  const factor = BYTES[unit]
  return factor === undefined ? undefined : { amount: Math.round(amount * factor), unit: 'bytes' }
}
