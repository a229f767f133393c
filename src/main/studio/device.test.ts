import { totalmem } from 'node:os'
import { describe, expect, it } from 'vitest'
import type { DeviceInfo, HelloResult } from '../../shared/contract/sidecar/hello.ts'
import type { Sidecar } from '../sidecar/index.ts'
import { hiddenStateLimit, memoryLimit, resolveMachinery } from './device.ts'

const cpu: DeviceInfo = { id: 'cpu', name: 'A processor', memoryBytes: 1, available: true }
const gpu = (index: number, more: Partial<DeviceInfo> = {}): DeviceInfo => ({
  id: `cuda:${index}`,
  name: 'A GPU',
  memoryBytes: 1,
  available: true,
  ...more,
})

function having(...devices: DeviceInfo[]) {
  const hello = () => Promise.resolve({ devices } as HelloResult)
  return { sidecar: { hello } as Sidecar }
}

async function automatic(...gpus: DeviceInfo[]) {
  return (await resolveMachinery(having(cpu, ...gpus), 'calibration.start', {})).device
}

describe('auto', () => {
  it('is the processor where there is nothing else', async () => {
    expect(await automatic()).toBe('cpu')
    expect(await automatic(gpu(0, { available: false, reason: 'This sidecar was built without CUDA.' }))).toBe('cpu')
  })

  it('is the first GPU that works and can do what is asked', async () => {
    expect(await automatic(gpu(0), gpu(1))).toBe('cuda:0')
    expect(await automatic(gpu(0, { available: false }), gpu(1))).toBe('cuda:1')
    expect(await automatic(gpu(0, { requests: ['model.load', 'calibration.start'] }))).toBe('cuda:0')
    expect(await automatic(gpu(0, { requests: ['model.load'] }))).toBe('cpu')
  })
})

it('a device that is named stays as it is, for the sidecar to refuse', async () => {
  const machinery = (device: string) => resolveMachinery(having(cpu), 'model.load', { device, threads: 3 })
  expect(await machinery('cpu')).toEqual({ device: 'cpu', threads: 3 })
  expect(await machinery('cuda:7')).toEqual({ device: 'cuda:7', threads: 3 })
  await expect(machinery('tpu')).rejects.toThrow('"tpu" is no device.')
})

it('a memory limit is bytes, an amount or a share of this machine, half of it for hidden states', () => {
  expect(memoryLimit({})).toBe(0)
  expect(memoryLimit({ memory: 'auto' })).toBe(0)
  expect(memoryLimit({ memory: '8GB' })).toBe(8e9)
  expect(memoryLimit({ memory: '50%' })).toBe(Math.floor(totalmem() / 2))
  expect(hiddenStateLimit({})).toEqual({})
  expect(hiddenStateLimit({ memory: '8GB' })).toEqual({ memoryLimitBytes: 4e9 })
  expect(() => memoryLimit({ memory: 'plenty' })).toThrow('"plenty" is no limit of memory.')
})
