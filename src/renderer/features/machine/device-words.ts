import type { Machine } from '../../../shared/contract/studio/index.ts'
import { size } from '../../ui/units.ts'

type Device = Machine['devices'][number]

/** What a GPU is, or why there is none to be used. */
export function deviceWords({ name, memoryBytes, available, reason, computeCapability, driver }: Device): string {
  if (!available) return reason ?? 'not available'
  return [
    name,
    size(memoryBytes),
    computeCapability && `compute capability ${computeCapability}`,
    driver && `driver for CUDA ${driver}`,
  ]
    .filter(Boolean)
    .join(', ')
}
