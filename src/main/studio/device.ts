import { totalmem } from 'node:os'
import type { SidecarParams, SidecarRequest } from '../../shared/contract/sidecar/index.ts'
import { MEMORY_HINT, parseMemory } from '../../shared/memory-limit.ts'
import { fail } from '../../shared/contract/studio-error.ts'
import type { Context } from './context.ts'
import type { RunOptions } from './recording.ts'

export type Machinery = { device: string; threads: number }

/** The requests that name a device. */
export type RequestWithDevice = {
  [R in SidecarRequest]: SidecarParams<R> extends { device: string } ? R : never
}[SidecarRequest]

/** The device and threads that such a request is to have; `auto` is the first GPU that can do it, else the processor. */
export async function resolveMachinery(
  context: Pick<Context, 'sidecar'>,
  request: RequestWithDevice,
  options: RunOptions,
): Promise<Machinery> {
  const { device = 'auto', threads = 0 } = options
  if (device !== 'auto') {
    if (!/^(cpu|cuda:\d+)$/.test(device)) {
      throw fail('invalid-request', `"${device}" is no device.`, {
        hint: 'Devices are cpu, cuda:0, cuda:1, …, or auto.',
      })
    }
    return { device, threads }
  }
  const { devices } = await context.sidecar.hello()
  const gpu = devices.find(
    ({ id, available, requests }) =>
      available && id.startsWith('cuda:') && (requests === undefined || requests.includes(request)),
  )
  return { device: gpu?.id ?? 'cpu', threads }
}

/** Bytes that a job may take; 0 where nobody has chosen. */
export function memoryLimit({ memory = 'auto' }: Pick<RunOptions, 'memory'>): number {
  const bytes = parseMemory(memory, totalmem())
  if (bytes !== undefined) return bytes
  throw fail('invalid-request', `"${memory}" is no limit of memory.`, { hint: `Give ${MEMORY_HINT}.` })
}

/** Half of the limit for the hidden states of evaluations and sweeps: weights and logits need their room, too. */
export function hiddenStateLimit(options: Pick<RunOptions, 'memory'>): { memoryLimitBytes?: number } {
  const bytes = memoryLimit(options)
  return bytes === 0 ? {} : { memoryLimitBytes: Math.max(1, Math.floor(bytes / 2)) }
}
