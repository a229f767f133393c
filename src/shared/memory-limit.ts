import { parseBudget } from './sweep/budget.ts'

/** Memory that a job may take, as a person writes it. */
export const MEMORY_HINT = 'auto, an amount such as 8GB, or a share of the machine’s memory such as 50%'

/** Bytes of "8GB" or "50%" on a machine with that much memory, 0 for "auto"; undefined when it is none of these. */
export function parseMemory(text: string, machineBytes: number): number | undefined {
  const bare = text.trim()
  if (bare === 'auto') return 0
  const share = /^(\d+(?:\.\d+)?)\s*%$/.exec(bare)?.[1]
  if (share !== undefined) {
    const fraction = Number(share) / 100
    return fraction > 0 && fraction <= 1 ? Math.max(1, Math.floor(fraction * machineBytes)) : undefined
  }
  const amount = parseBudget(bare)
  return amount?.unit === 'bytes' ? amount.amount : undefined
}
