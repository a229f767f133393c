import { execFileSync } from 'node:child_process'
import { afterEach, describe, expect, test } from 'vitest'
import { CONTRACT_HASH } from '../../src/shared/contract/contract-hash.ts'
import { PROTOCOL_VERSION } from '../../src/shared/contract/sidecar/index.ts'
import { helloParams, sidecarPath, Wire } from './wire.ts'

const load = { path: '/nowhere', device: 'cpu', threads: 0, contextLength: 0 }

describe('handshake', () => {
  let wire: Wire
  afterEach(() => wire.close())

  test('names version, contract, devices, methods and families', async () => {
    wire = new Wire()
    const hello = await wire.result('sidecar.hello', helloParams)
    expect(hello.protocolVersion).toBe(PROTOCOL_VERSION)
    expect(hello.contractHash).toBe(CONTRACT_HASH)
    expect(hello.devices[0]).toMatchObject({ id: 'cpu', available: true })
    expect(hello.devices[0]?.memoryBytes).toBeGreaterThan(0)
    expect(hello.methods).toEqual(expect.arrayContaining(['rtn', 'squeezellm']))
    expect(hello.architectures).toEqual(expect.arrayContaining(['llama', 'mistral', 'qwen2', 'qwen3', 'opt']))
    expect(hello.gemm).toMatch(/^oneDNN \d/)
  })

  test('a device that cannot be used says why', async () => {
    wire = new Wire()
    const { devices } = await wire.result('sidecar.hello', helloParams)
    const unusable = devices.filter((device) => !device.available)
    for (const device of unusable) expect(device.reason).toBeTruthy()
    const first = unusable[0]
    if (first) {
      const { info } = await wire.refusal('model.load', { ...load, device: first.id })
      expect(info.code).toBe('device-unavailable')
      expect(info.message).toContain(first.reason)
    }
  })

  test('there is a line about GPUs, whether there are any or not', async () => {
    wire = new Wire()
    const { devices } = await wire.result('sidecar.hello', helloParams)
    const [gpu, ...rest] = devices.filter(({ id }) => id.startsWith('cuda:'))
    expect(gpu?.id).toBe('cuda:0')
    if (gpu?.available) {
      expect(gpu.memoryBytes).toBeGreaterThan(0)
      expect(gpu.computeCapability).toMatch(/^\d+\.\d$/)
      expect(gpu.driver).toMatch(/^\d+\.\d+$/)
    } else {
      expect(rest).toEqual([])
      expect(gpu?.reason).toMatch(/^(This sidecar was built without CUDA\.|No CUDA device: .+\.)$/)
    }
  })

  test('a device that is not listed is refused, and what is no device is not one', async () => {
    wire = await Wire.greeted()
    expect((await wire.refusal('model.load', { ...load, device: 'cuda:77' })).info.code).toBe('device-unavailable')
    for (const device of ['', 'gpu', 'cuda', 'cuda:', 'cuda:x', 'cuda:00', 'cuda:-1']) {
      expect((await wire.refusal('model.load', { ...load, device })).info).toMatchObject({
        code: 'invalid-request',
        message: `params.device: "${device}" is no device.`,
      })
    }
  })

  test('comes first', async () => {
    wire = new Wire()
    const { code, info } = await wire.refusal('checkpoint.inspect', { path: '/nowhere' })
    expect(code).toBe(-32000)
    expect(info.code).toBe('invalid-request')
    expect(info.message).toContain('sidecar.hello')
    expect((await wire.refusal('job.cancel', { jobId: 1 })).info.message).toContain('sidecar.hello')
    await wire.result('sidecar.hello', helloParams)
    expect(await wire.result('job.cancel', { jobId: 1 })).toEqual({ found: false })
  })

  test('of another protocol version is refused with both versions named', async () => {
    wire = new Wire()
    const { info } = await wire.refusal('sidecar.hello', { ...helloParams, protocolVersion: 4711 })
    expect(info.code).toBe('protocol-mismatch')
    expect(info.message).toContain('4711')
    expect(info.message).toContain(`version ${PROTOCOL_VERSION}`)
    expect((await wire.refusal('job.cancel', { jobId: 1 })).info.message).toContain('sidecar.hello')
  })

  test('of another contract is refused with both hashes named', async () => {
    wire = new Wire()
    const { info } = await wire.refusal('sidecar.hello', { ...helloParams, contractHash: 'feedfacefeedface' })
    expect(info.code).toBe('protocol-mismatch')
    expect(info.message).toContain('feedfacefeedface')
    expect(info.message).toContain(CONTRACT_HASH)
  })
})

test('--version and --help answer without a host', () => {
  expect(execFileSync(sidecarPath, ['--version']).toString()).toContain(CONTRACT_HASH)
  expect(execFileSync(sidecarPath, ['--help']).toString()).toContain('sidecar.hello')
})

test.runIf(process.platform === 'linux')('starts without a driver: it is linked with no library of NVIDIA', () => {
  expect(execFileSync('ldd', [sidecarPath]).toString()).not.toMatch(/libcuda|libcudart|libcublas|libnv/i)
})
