import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ErrorInfo } from '../../src/shared/contract/errors.ts'
import { makeTinyModel } from '../fixtures/make-tiny-model.ts'
import { writeTokenRows } from '../fixtures/safetensors.ts'
import { calibration, evaluation, quantization, recipe } from './requests.ts'
import { scratchFolder, tokenRows } from './scratch.ts'
import { Wire } from './wire.ts'

const scratch = scratchFolder()
const at = (name: string) => join(scratch, name)
const rtn = recipe({ method: 'rtn', bits: 4 })

let wire: Wire
beforeAll(async () => {
  makeTinyModel(at('model'))
  writeTokenRows(at('tokens.safetensors'), tokenRows(4, 32))
  wire = await Wire.greeted()
})
afterAll(() => wire.close())

/** How a job fails, whether the request is refused or the job ends. */
async function failure(
  method: 'quantization.start' | 'evaluation.start' | 'calibration.start' | 'export.start',
  params: object,
) {
  const reply = await wire.call(method, params)
  if (reply.error) return reply.error.data as ErrorInfo
  const ended = await wire.ended((reply.result as { jobId: number }).jobId)
  expect(ended.outcome).toBe('failed')
  return ended.error as ErrorInfo
}

describe('refinement', () => {
  const refining = recipe({ refine: 2 })

  test('needs tokens and codebooks', async () => {
    const bare = quantization(at('model'), at('refined'), { recipe: refining })
    expect(await failure('quantization.start', bare)).toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining('no tokens') as string,
    })
    const tokens = at('tokens.safetensors')
    const rounded = quantization(at('model'), at('refined'), { tokens, recipe: { ...rtn, refine: 2 } })
    expect(await failure('quantization.start', rounded)).toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining('no codebooks') as string,
    })
  })

  test('needs the tokens of the calibration', async () => {
    const made = calibration(at('model'), at('tokens.safetensors'), at('its-calibration'))
    const { jobId } = await wire.result('calibration.start', made)
    expect((await wire.ended(jobId)).outcome).toBe('done')
    const kept = join(at('its-calibration'), 'tokens.safetensors')
    const params = quantization(at('model'), at('refined'), {
      calibration: at('its-calibration'),
      recipe: { ...refining, weighting: 'fisher' },
    })
    writeTokenRows(kept, [[1, 2, 1_000_000]])
    expect(await failure('quantization.start', params)).toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining('outside the vocabulary') as string,
    })
    rmSync(kept)
    expect(await failure('quantization.start', params)).toMatchObject({
      code: 'file-not-found',
      message: expect.stringContaining(kept) as string,
    })
  })

  test('of points of a sweep is refused', async () => {
    const params = {
      checkpoint: at('model'),
      recipes: [refining],
      tokens: at('tokens.safetensors'),
      precision: 'fp32' as const,
      device: 'cpu',
      threads: 0,
    }
    const { error } = await wire.call('sweep.start', params)
    expect(error?.data).toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining('recipes[0]') as string,
    })
  })
})

describe('outputs', () => {
  test('that exist are left alone', async () => {
    mkdirSync(at('taken'))
    writeFileSync(join(at('taken'), 'mine.txt'), 'mine')
    const params = quantization(at('model'), at('taken'), { recipe: rtn })
    expect(await failure('quantization.start', params)).toMatchObject({ code: 'output-exists' })
    const tokens = at('tokens.safetensors')
    expect((await failure('calibration.start', calibration(at('model'), tokens, at('taken')))).code).toBe(
      'output-exists',
    )
    const exported = { model: at('model'), format: 'hf-fp16', out: at('taken'), threads: 0 }
    expect((await failure('export.start', exported)).code).toBe('output-exists')
    expect(readdirSync(at('taken'))).toEqual(['mine.txt'])
  })

  test('that cannot be made are refused before any work', async () => {
    writeFileSync(at('file'), '')
    const params = quantization(at('model'), join(at('file'), 'out'), { recipe: rtn })
    const { code, message } = await failure('quantization.start', params)
    expect(code).toBe('output-unwritable')
    expect(message).toContain(at('file'))
  })

  test('below folders that are not there yet are made', async () => {
    const params = quantization(at('model'), at('new/folder/out'), { recipe: rtn })
    const { jobId } = await wire.result('quantization.start', params)
    expect((await wire.ended(jobId)).outcome).toBe('done')
    expect(existsSync(join(at('new/folder/out'), 'model.safetensors'))).toBe(true)
  })
})

describe('inputs', () => {
  test('a tensor with NaN is named', async () => {
    const tensor = 'model.layers.1.mlp.up_proj.weight'
    makeTinyModel(at('nan'), { alter: (name, values) => name === tensor && (values[5] = NaN) })
    for (const method of ['rtn', 'squeezellm']) {
      const params = quantization(at('nan'), at('nan-out'), { recipe: { ...rtn, method } })
      const error = await failure('quantization.start', params)
      expect(error).toMatchObject({ code: 'value-not-finite', tensor, layer: 1 })
      expect(error.message).toContain(tensor)
    }
    const evaluated = await failure('evaluation.start', evaluation(at('nan'), at('tokens.safetensors')))
    expect(evaluated.code).toBe('value-not-finite')
    expect(evaluated.message).toContain(tensor)
    expect(existsSync(at('nan-out'))).toBe(false)
  })

  test('a calibration of another checkpoint is refused', async () => {
    makeTinyModel(at('other'), { seed: 2 })
    const { jobId } = await wire.result(
      'calibration.start',
      calibration(at('other'), at('tokens.safetensors'), at('other-calibration')),
    )
    expect((await wire.ended(jobId)).outcome).toBe('done')
    const params = quantization(at('model'), at('mixed'), {
      calibration: at('other-calibration'),
      recipe: recipe({ weighting: 'fisher' }),
    })
    expect((await failure('quantization.start', params)).code).toBe('calibration-mismatch')
  })

  test('bf16 is refused where the processor would have to emulate it', async () => {
    const older = await Wire.greeted({ DNNL_MAX_CPU_ISA: 'AVX2' })
    const tokens = at('tokens.safetensors')
    const calibrating = { ...calibration(at('model'), tokens, at('bf16')), precision: 'bf16' as const }
    const evaluating = { ...evaluation(at('model'), tokens), precision: 'bf16' as const }
    for (const [method, params] of [
      ['calibration.start', calibrating],
      ['evaluation.start', evaluating],
    ] as const) {
      const ended = await older.ended((await older.result(method, params)).jobId)
      expect(ended.error).toMatchObject({
        code: 'device-unavailable',
        message: expect.stringMatching(/bf16/) as string,
      })
    }
    expect(existsSync(at('bf16'))).toBe(false)
    expect(existsSync(at('bf16.partial'))).toBe(false)
    await older.close()
  })

  test('a result is squeezed once', async () => {
    const { jobId } = await wire.result('quantization.start', quantization(at('model'), at('once'), { recipe: rtn }))
    expect((await wire.ended(jobId)).outcome).toBe('done')
    const again = await failure('quantization.start', quantization(at('once'), at('twice'), { recipe: rtn }))
    expect(again.code).toBe('invalid-request')
    const calibrated = await failure(
      'calibration.start',
      calibration(at('once'), at('tokens.safetensors'), at('never')),
    )
    expect(calibrated.code).toBe('invalid-request')
  })

  test('a layout that cannot hold a result says why', async () => {
    const { jobId } = await wire.result(
      'quantization.start',
      quantization(at('model'), at('five'), { recipe: recipe({ bits: 5 }) }),
    )
    expect((await wire.ended(jobId)).outcome).toBe('done')
    const exported = { model: at('five'), format: 'squeezellm', out: at('five-public'), threads: 0 }
    expect(await failure('export.start', exported)).toMatchObject({
      code: 'invalid-request',
      message: expect.stringMatching(/3 and 4 bits, not 5/) as string,
    })
    expect(existsSync(at('five-public.partial'))).toBe(false)
  })

  test('a value past fp16 is refused by its tensor', async () => {
    const tensor = 'model.layers.0.self_attn.o_proj.weight'
    makeTinyModel(at('large'), { dtype: 'F32', alter: (name, values) => name === tensor && (values[7] = 1e6) })
    const fp16 = { model: at('large'), format: 'hf-fp16', out: at('large-fp16'), threads: 0 }
    expect(await failure('export.start', fp16)).toMatchObject({
      tensor,
      hint: expect.stringContaining('bf16') as string,
    })
    const { jobId } = await wire.result('export.start', { ...fp16, format: 'hf-bf16', out: at('large-bf16') })
    expect((await wire.ended(jobId)).outcome).toBe('done')
  })

  test('tokens are checked against the model', async () => {
    writeTokenRows(at('foreign.safetensors'), [[1, 2, 256]])
    const foreign = await failure('evaluation.start', evaluation(at('model'), at('foreign.safetensors')))
    expect(foreign).toMatchObject({ code: 'invalid-request', message: expect.stringContaining('token 256') as string })
    writeTokenRows(at('short.safetensors'), [[1]])
    expect((await failure('evaluation.start', evaluation(at('model'), at('short.safetensors')))).code).toBe(
      'text-too-short',
    )
    writeTokenRows(at('none.safetensors'), [])
    expect((await failure('evaluation.start', evaluation(at('model'), at('none.safetensors')))).code).toBe(
      'text-too-short',
    )
    expect((await failure('evaluation.start', evaluation(at('model'), at('nowhere.safetensors')))).code).toBe(
      'file-not-found',
    )
  })

  test('a truncated checkpoint is refused by its file', async () => {
    makeTinyModel(at('cut'))
    const file = join(at('cut'), 'model.safetensors')
    writeFileSync(file, readFileSync(file).subarray(0, 100_000))
    const error = await failure('quantization.start', quantization(at('cut'), at('cut-out'), { recipe: rtn }))
    expect(error.code).toMatch(/^(file|tensor)-malformed$/)
    expect(error.message).toContain(file)
  })
})

describe('a full disk', () => {
  const disk = at('disk')
  const mounted = (() => {
    if (process.platform !== 'linux' || process.getuid?.() !== 0) return false
    mkdirSync(disk)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', disk], { stdio: 'ignore' })
      return true
    } catch {
      return false
    }
  })()
  afterAll(() => mounted && execFileSync('umount', [disk]))
  // Skipped, and counted as such, where no small file system can be mounted.
  test.skipIf(!mounted)('ends the job, keeps what is done, and the next run takes it up', async () => {
    makeTinyModel(at('roomy'), { hidden: 128, intermediate: 384, layers: 4 })
    const params = quantization(at('roomy'), join(disk, 'out'), { recipe: rtn })
    const error = await failure('quantization.start', params)
    expect(error).toMatchObject({ code: 'disk-full', retryable: true })
    expect(error.message).toContain(disk)
    expect(existsSync(join(disk, 'out'))).toBe(false)
    const kept = readdirSync(join(disk, 'out.partial/matrices')).filter((name) => name.endsWith('.safetensors'))
    expect(kept.length).toBeGreaterThan(0)
    execFileSync('mount', ['-o', 'remount,size=16m', disk])
    const { jobId } = await wire.result('quantization.start', params)
    const { outcome, result } = await wire.ended(jobId)
    expect(outcome).toBe('done')
    expect(result?.kind === 'quantization' && result.resumedMatrices).toBe(kept.length)
  })
})
