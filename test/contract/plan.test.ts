import { statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeTinyModel } from '../fixtures/make-tiny-model.ts'
import { writeTokenRows } from '../fixtures/safetensors.ts'
import { calibration, calibrationPlan } from './requests.ts'
import { scratchFolder, tokenRows } from './scratch.ts'
import { Wire } from './wire.ts'

const scratch = scratchFolder()
const at = (name: string) => join(scratch, name)
const GB = 1e9

describe('the plan of a calibration', () => {
  let wire: Wire
  beforeAll(async () => {
    makeTinyModel(at('model'))
    writeTokenRows(at('tokens.safetensors'), tokenRows(6, 48))
    wire = await Wire.greeted()
  })
  afterAll(() => wire.close())

  const plan = (over: Parameters<typeof calibrationPlan>[2] = {}) =>
    wire.result('calibration.plan', calibrationPlan(at('model'), at('out'), over))

  test('counts what will be allocated, and writes nothing', async () => {
    const found = await plan()
    // Two layers' inputs, the last one's output, and the gradient, of 6 × 48 tokens and a width of 64.
    expect(found.activationBytes).toBe((2 + 2) * 6 * 48 * 64 * 4)
    expect(found).toMatchObject({ activationsOnDisk: false, problems: [] })
    expect(found.memoryBytes).toBeGreaterThan(found.activationBytes)
    expect(found.mappedBytes).toBeGreaterThanOrEqual(statSync(at('model/model.safetensors')).size)
    expect(found.durationMs).toBeGreaterThan(0)
    expect(found.freeDiskBytes).toBeGreaterThan(found.diskBytes)
    expect(() => statSync(at('out'))).toThrow()
    expect(() => statSync(at('out.partial'))).toThrow()
  })

  test('grows with the samples, in memory and in time', async () => {
    const [few, many] = [await plan(), await plan({ samples: 600 })]
    expect(many.activationBytes).toBe(100 * few.activationBytes)
    // The speed was measured once for both.
    expect((many.durationMs ?? 0) / (few.durationMs ?? 1)).toBeCloseTo(100, 6)
  })

  test('the result takes the disk that the plan says', async () => {
    const { resultBytes } = await plan()
    const { jobId } = await wire.result(
      'calibration.start',
      calibration(at('model'), at('tokens.safetensors'), at('made')),
    )
    const ended = await wire.ended(jobId)
    if (ended.result?.kind !== 'calibration') throw new Error('The calibration failed.')
    expect(ended.result.sizeBytes / resultBytes).toBeGreaterThan(0.9)
    expect(ended.result.sizeBytes / resultBytes).toBeLessThan(1.1)
  })

  test('a limit sends activations to the disk, and one that cannot be kept is refused by plan and job alike', async () => {
    const free = await plan({ samples: 20_000 })
    expect(free.activationsOnDisk).toBe(false)
    const working = free.memoryBytes - free.activationBytes
    const limited = await plan({ samples: 20_000, memoryLimitBytes: working + 1e6 })
    expect(limited).toMatchObject({ activationsOnDisk: true, problems: [], memoryBytes: working })
    expect(limited.diskBytes).toBe(free.diskBytes + free.activationBytes)

    const tight = await plan({ memoryLimitBytes: 1000 })
    expect(tight.problems).toMatchObject([{ kind: 'limit', blocks: true, hint: expect.stringContaining('Allow') }])
    const start = { ...calibration(at('model'), at('tokens.safetensors'), at('tight')), memoryLimitBytes: 1000 }
    const ended = await wire.ended((await wire.result('calibration.start', start)).jobId)
    expect(ended).toMatchObject({
      outcome: 'failed',
      error: { code: 'invalid-request', message: expect.stringContaining('The memory limit of 1.00 kB is below') },
    })
  })

  test('says what does not fit and what to change', async ({ skip }) => {
    const found = await plan({ samples: 1_000_000, length: 256, memoryLimitBytes: 4 * GB })
    expect(found.activationBytes).toBe(4 * 1_000_000 * 256 * 64 * 4)
    expect(found.activationsOnDisk).toBe(true)
    skip(found.diskBytes < found.freeDiskBytes, 'this disk has room for 400 GB')
    expect(found.problems).toMatchObject([
      { kind: 'disk', blocks: true, message: expect.stringMatching(/^It needs [\d.]+ GB of disk/) },
    ])
    expect(found.problems[0]?.hint).toContain('fewer or shorter samples')
  })

  test('refuses what a calibration would refuse', async () => {
    await expect(plan({ length: 300 })).rejects.toThrow(/longer than the model's context of 256/)
    await expect(plan({ device: 'tpu' })).rejects.toThrow(/is no device/)
    await expect(wire.result('calibration.plan', calibrationPlan(at('nowhere'), at('out')))).rejects.toThrow(
      /does not exist/,
    )
  })
})
