import { fail } from '../../shared/contract/studio-error.ts'
import type { Context } from './context.ts'
import type { RunOptions } from './recording.ts'

export type Machinery = { device: string; threads: number }

/** The device and threads that a request asks for, as the sidecar takes them. */
export async function resolveMachinery(context: Context, options: RunOptions): Promise<Machinery> {
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
  const gpu = devices.find((entry) => entry.available && entry.id.startsWith('cuda:'))
  return { device: gpu?.id ?? 'cpu', threads }
}
