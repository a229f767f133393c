import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { JobResult } from '../../src/shared/contract/sidecar/job.ts'
import { makeTinyModel } from '../fixtures/make-tiny-model.ts'
import { fromHalf, readSafetensors, writeTokenRows } from '../fixtures/safetensors.ts'
import { calibration, evaluation, greedy, quantization, recipe } from './requests.ts'
import { scratchFolder, tokenRows } from './scratch.ts'
import { helloParams, Wire } from './wire.ts'

const scratch = scratchFolder()
const at = (name: string) => join(scratch, name)
const result3 = quantization(at('model'), at('result'), {
  calibration: at('calibration'),
  recipe: recipe({ weighting: 'fisher', sparsity: 0.0045 }),
})

let wire: Wire
beforeAll(async () => {
  makeTinyModel(at('model'))
  writeFileSync(join(at('model'), 'tokenizer.json'), '{}')
  writeFileSync(join(at('model'), 'modeling_custom.py'), 'raise SystemExit')
  writeTokenRows(at('tokens.safetensors'), tokenRows(6, 48))
  wire = await Wire.greeted()
})
afterAll(() => wire.close())

async function done<K extends JobResult['kind']>(kind: K, jobId: number): Promise<Extract<JobResult, { kind: K }>> {
  const ended = await wire.ended(jobId)
  expect(ended.error).toBeUndefined()
  expect(ended.outcome).toBe('done')
  expect(ended.result?.kind).toBe(kind)
  return ended.result as Extract<JobResult, { kind: K }>
}

// In this order: each job takes what the one before it made.
describe('from a checkpoint to a result', () => {
  test('inspect counts what is there', async () => {
    const found = await wire.result('checkpoint.inspect', { path: at('model') })
    expect(found).toMatchObject({
      kind: 'dense',
      family: 'llama',
      dtype: 'BF16',
      layers: 2,
      hiddenSize: 64,
      headDim: 16,
    })
    expect(found.matrices).toHaveLength(14)
    expect(found.matrices[0]).toMatchObject({ role: 'q', rows: 64, cols: 64, storedAs: 'BF16', sizeBytes: 2 * 64 * 64 })
    const perLayer = 2 * 64 * 64 + 2 * 32 * 64 + 3 * 64 * 160
    expect(found.parameters).toBe(2 * (perLayer + 2 * 64) + 64 + 2 * 256 * 64)
    expect(found.bitsPerWeight).toBe(16)
    expect(found.embeddingBytes).toBe(2 * 2 * 256 * 64)
    expect(found.otherBytes).toBe(2 * (2 * 2 * 64 + 64))
    expect(found.warnings.map(({ code }) => code)).toContain('rows-short')
  })

  test('calibrate', async () => {
    const params = calibration(at('model'), at('tokens.safetensors'), at('calibration'))
    const { jobId } = await wire.result('calibration.start', params)
    const found = await done('calibration', jobId)
    expect(found).toMatchObject({ samples: 6, length: 48, estimator: 'sample' })
    expect(found.matrices).toHaveLength(14)
    expect(found.matrices.every(({ sum, max }) => sum > 0 && max > 0)).toBe(true)
    const inspected = await wire.result('checkpoint.inspect', { path: at('model') })
    expect(found.checkpointFingerprint).toBe(inspected.fingerprint)
  })

  test('quantize', async () => {
    const { jobId } = await wire.result('quantization.start', result3)
    const found = await done('quantization', jobId)
    expect(found.matrices).toHaveLength(14)
    expect(found.resumedMatrices).toBe(0)
    expect(found.calibrationFingerprint).toBeTruthy()
    expect(found.matrices.some(({ sparseCount }) => sparseCount > 0)).toBe(true)
    // Three bits of index; codebooks of 8 halves over rows of 64 or 160; row pointers and values on top.
    expect(found.bitsPerWeight).toBeGreaterThan(3 + (8 * 16) / 160)
    expect(found.bitsPerWeight).toBeLessThan(6.5)
    const inspected = await wire.result('checkpoint.inspect', { path: at('result') })
    expect(inspected).toMatchObject({ kind: 'quantized', recipe: result3.recipe, fingerprint: found.fingerprint })
    expect(inspected.baseFingerprint).toBe(found.checkpointFingerprint)
    expect(inspected.bitsPerWeight).toBeCloseTo(found.bitsPerWeight, 10)
    expect(inspected.parameters).toBe((await wire.result('checkpoint.inspect', { path: at('model') })).parameters)
    expect(existsSync(at('result.partial'))).toBe(false)
    const files = readdirSync(at('result')).sort()
    expect(files).toEqual([
      'config.json',
      'generation_config.json',
      'model.safetensors',
      'squeeze.json',
      'tokenizer.json',
    ])
    const config = JSON.parse(readFileSync(join(at('result'), 'config.json'), 'utf8'))
    expect(config.quantization_config).toMatchObject({ quant_method: 'squeeze-studio', bits: 3, sparsity: 0.0045 })
  })

  test('quantize and refine: other codebooks, all else the same', async () => {
    const start = async (params: typeof result3) =>
      done('quantization', (await wire.result('quantization.start', params)).jobId)
    writeTokenRows(at('more.safetensors'), tokenRows(20, 48))
    const rough = recipe({ bits: 2, sparsity: 0.0045 })
    const params = quantization(at('model'), at('refined'), {
      tokens: at('more.safetensors'),
      recipe: { ...rough, refine: 10 },
    })
    await start(quantization(at('model'), at('rough'), { recipe: rough }))
    const found = await start(params)
    expect(found.recipe.refine).toBe(10)
    const refinement = found.refinement ?? expect.fail('it says nothing of its refinement')
    expect(refinement).toMatchObject({ steps: 10, samples: 16, heldOut: 4 })
    expect(refinement.after).toBeLessThan(refinement.before)
    expect(refinement.bestStep).toBeGreaterThan(0)
    expect(existsSync(at('refined.partial'))).toBe(false)

    const [before, after] = ['rough', 'refined'].map((name) => readSafetensors(join(at(name), 'model.safetensors')))
    expect([...(after?.keys() ?? [])].sort()).toEqual([...(before?.keys() ?? [])].sort())
    let moved = 0
    for (const [name, { dtype, shape, bytes }] of after ?? []) {
      const was = before?.get(name)
      expect({ dtype, shape }).toEqual({ dtype: was?.dtype, shape: was?.shape })
      if (bytes.equals(was?.bytes ?? Buffer.alloc(0))) continue
      expect(name).toMatch(/\.lookup_table$/)
      moved++
    }
    expect(moved).toBe(14)

    // Its clustering is no longer the best for the table of errors, and says so.
    const plain = JSON.parse(readFileSync(join(at('rough'), 'squeeze.json'), 'utf8'))
    const manifest = JSON.parse(readFileSync(join(at('refined'), 'squeeze.json'), 'utf8'))
    expect(manifest.recipe.refine).toBe(10)
    expect(manifest.refinement).toMatchObject({ steps: 10, best_step: refinement.bestStep, held_out: 4 })
    expect(manifest.matrices[0].objective).toBeGreaterThan(plain.matrices[0].objective)
    expect(await wire.result('checkpoint.inspect', { path: at('refined') })).toMatchObject({ recipe: params.recipe })
  })

  test('a refinement that was cancelled goes on where it stood, to the same bytes', async () => {
    const params = (out: string) =>
      quantization(at('model'), at(out), {
        tokens: at('more.safetensors'),
        // So many that some are told of: events come a few times a second.
        recipe: recipe({ bits: 2, sparsity: 0.0045, refine: 120 }),
      })
    const whole = await wire.result('quantization.start', params('in-one'))
    await done('quantization', whole.jobId)
    const { jobId } = await wire.result('quantization.start', params('in-two'))
    await wire.until(
      () => wire.progress(jobId).find(({ detail }) => /^Step (?!1$)/.test(detail ?? '')),
      'a second step',
    )
    await wire.result('job.cancel', { jobId })
    expect((await wire.ended(jobId)).outcome).toBe('cancelled')
    expect(existsSync(at('in-two'))).toBe(false)
    expect(readdirSync(join(at('in-two.partial'), 'refinement'))).toContain('refinement.safetensors')
    const resumed = await done('quantization', (await wire.result('quantization.start', params('in-two'))).jobId)
    expect(resumed.resumedMatrices).toBe(14)
    for (const file of ['model.safetensors', 'squeeze.json', 'config.json']) {
      const [one, two] = ['in-one', 'in-two'].map((name) => readFileSync(join(at(name), file)))
      expect(two?.equals(one ?? Buffer.alloc(0)), file).toBe(true)
    }
    expect(existsSync(at('in-two.partial'))).toBe(false)
  })

  test('progress is one bar', () => {
    const jobs = new Set(wire.events.map(({ params }) => params.jobId))
    expect(jobs.size).toBeGreaterThanOrEqual(2)
    for (const jobId of jobs) {
      const events = wire.progress(jobId)
      expect(events.map(({ seq }) => seq)).toEqual(events.map((_, index) => index))
      events.reduce((last, { fraction }) => (expect(fraction).toBeGreaterThanOrEqual(last), fraction), 0)
    }
  })

  test('evaluate, alone and against the checkpoint', async () => {
    const start = async (model: string, against?: string) => {
      const { jobId } = await wire.result('evaluation.start', evaluation(model, at('tokens.safetensors'), against))
      return done('evaluation', jobId)
    }
    const same = await start(at('model'), at('model'))
    expect(same).toMatchObject({ diverged: false, tokens: 6 * 47, windows: 6, windowLength: 48 })
    expect(same.perplexity).toBeCloseTo(Math.exp(same.meanNll ?? NaN), 6)
    expect(same.divergence?.klMean).toBeCloseTo(0, 9)
    expect(same.divergence?.top1Agreement).toBe(1)
    const squeezed = await start(at('result'), at('model'))
    expect(squeezed.divergence?.klMean).toBeGreaterThan(0)
    expect(squeezed.divergence?.againstPerplexity).toBeCloseTo(same.perplexity ?? NaN, 3)
  })

  test('evaluate and calibrate in bf16 where the processor has it', async ({ skip }) => {
    const { isa } = await wire.result('sidecar.hello', helloParams)
    skip(!isa.includes('avx512bf16'), 'no AVX512_BF16')
    const tokens = at('tokens.safetensors')
    const evaluate = async (precision: 'fp32' | 'bf16') => {
      const params = { ...evaluation(at('model'), tokens, at('model')), precision }
      const found = await done('evaluation', (await wire.result('evaluation.start', params)).jobId)
      expect(found).toMatchObject({ precision, divergence: { top1Agreement: 1 } })
      return found.meanNll ?? NaN
    }
    const [exact, rounded] = [await evaluate('fp32'), await evaluate('bf16')]
    expect(rounded).not.toBe(exact)
    expect(Math.abs(rounded / exact - 1)).toBeLessThan(0.01)

    const params = { ...calibration(at('model'), tokens, at('calibration-bf16')), precision: 'bf16' as const }
    const calibrated = await done('calibration', (await wire.result('calibration.start', params)).jobId)
    expect(calibrated.precision).toBe('bf16')
    const described = (name: string) => JSON.parse(readFileSync(join(at(name), 'calibration.json'), 'utf8'))
    expect(described('calibration-bf16').precision).toBe('bf16')
    expect(described('calibration').precision).toBe('fp32')
    expect(calibrated.fingerprint).not.toBe(described('calibration').fingerprint)
  })

  test('generate: the same seed, the same tokens; the cache is used again', async () => {
    const path = at('result')
    const { modelId, memoryBytes } = await wire.result('model.load', {
      path,
      device: 'cpu',
      threads: 0,
      contextLength: 0,
    })
    expect(memoryBytes).toBeGreaterThan(0)
    const generate = async (temperature: number) => {
      const sampling = { ...greedy, temperature, seed: 42 }
      const params = { modelId, prompt: [5, 6, 7, 8], maxTokens: 12, stopTokens: [], sampling }
      const { jobId } = await wire.result('generation.start', params)
      const found = await done('generation', jobId)
      const produced = wire.events.flatMap((event) =>
        event.method === 'generation.produced' && event.params.jobId === jobId ? [event.params] : [],
      )
      const tokens = produced.flatMap((event) => event.tokens)
      expect(produced.map(({ seq }) => seq)).toEqual(produced.map((_, index) => index))
      expect(found).toMatchObject({ promptTokens: 4, generatedTokens: 12, stopReason: 'length' })
      return { tokens, found }
    }
    const first = await generate(0.8)
    const second = await generate(0.8)
    expect(second.tokens).toEqual(first.tokens)
    expect(first.found.reusedTokens).toBe(0)
    expect(second.found.reusedTokens).toBeGreaterThan(0)
    expect((await generate(0)).tokens).toEqual((await generate(0)).tokens)
    const wrong = { modelId, prompt: [1, 256], maxTokens: 1, stopTokens: [], sampling: greedy }
    expect((await wire.refusal('generation.start', wrong)).info.message).toContain('params.prompt[1]')
    expect(await wire.result('model.unload', { modelId })).toEqual({ found: true })
    expect(await wire.result('model.unload', { modelId })).toEqual({ found: false })
  })

  test('divergence: nothing from itself, something from the checkpoint', async () => {
    const load = async (name: string) =>
      (await wire.result('model.load', { path: at(name), device: 'cpu', threads: 0, contextLength: 0 })).modelId
    const [referenceId, modelId] = [await load('model'), await load('result')]
    const texts = { prompt: [5, 6, 7, 8], answer: Array.from({ length: 150 }, (_, index) => (index * index) % 256) }
    const compare = async (model: number, reference: number) => {
      const params = { modelId: model, referenceId: reference, ...texts }
      return done('divergence', (await wire.result('divergence.start', params)).jobId)
    }
    const same = await compare(modelId, modelId)
    expect(same.kl).toHaveLength(150)
    for (const kl of same.kl) expect(kl).toBeCloseTo(0, 12)
    expect(same.logprobs).toEqual(same.referenceLogprobs)
    expect(same.sameTop.every(Boolean)).toBe(true)

    const squeezed = await compare(modelId, referenceId)
    expect(squeezed.kl.every((kl) => kl > 0)).toBe(true)
    expect(squeezed.referenceLogprobs).toHaveLength(150)
    expect(squeezed.logprobs).not.toEqual(squeezed.referenceLogprobs)
    expect((await compare(referenceId, modelId)).logprobs).toEqual(squeezed.referenceLogprobs)

    const refused = async (over: object) =>
      (await wire.refusal('divergence.start', { modelId, referenceId, ...texts, ...over })).info.message
    expect(await refused({ answer: [256] })).toContain('params.answer[0]')
    expect(await refused({ referenceId: 99 })).toContain('params.referenceId')
    for (const id of [modelId, referenceId]) await wire.result('model.unload', { modelId: id })
  })

  test.each([
    ['hf-fp16', 'F16', 'float16'],
    ['hf-bf16', 'BF16', 'bfloat16'],
  ] as const)('export as %s is a dense checkpoint', async (format, dtype, name) => {
    const out = at(format)
    const { jobId } = await wire.result('export.start', { model: at('result'), format, out, threads: 0 })
    await done('export', jobId)
    const config = JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))
    expect(config.quantization_config).toBeUndefined()
    expect(config.torch_dtype).toBe(name)
    const inspected = await wire.result('checkpoint.inspect', { path: out })
    expect(inspected).toMatchObject({ kind: 'dense', dtype, bitsPerWeight: 16 })
    const { jobId: evaluated } = await wire.result(
      'evaluation.start',
      evaluation(out, at('tokens.safetensors'), at('result')),
    )
    expect((await done('evaluation', evaluated)).divergence?.klMean).toBeLessThan(1e-4)
  })

  test('export as squeezellm decodes to the same weights', async () => {
    const out = at('public')
    const { jobId } = await wire.result('export.start', { model: at('result'), format: 'squeezellm', out, threads: 0 })
    await done('export', jobId)
    expect(JSON.parse(readFileSync(join(out, 'quant_config.json'), 'utf8'))).toEqual({ wbits: 3 })
    const theirs = readSafetensors(join(out, 'model.safetensors'))
    const dense = readSafetensors(join(at('hf-fp16'), 'model.safetensors'))
    let sparse = 0
    for (const [tensor, { shape, bytes }] of dense) {
      const name = tensor.replace(/\.weight$/, '')
      const qweight = theirs.get(`${name}.qweight`)
      if (!qweight) continue
      const [rows, cols] = shape as [number, number]
      expect(qweight.dtype).toBe('I32')
      expect(qweight.shape).toEqual([(cols / 32) * 3, rows])
      const weights = decodePublic(theirs, name, rows, cols, 3)
      const error = weights.map((value, i) => Math.abs(value - fromHalf(bytes.readUInt16LE(2 * i))))
      weights.forEach((value, i) => expect(error[i]).toBeLessThanOrEqual(Math.abs(value) * 2 ** -11 + 2 ** -25))
      sparse += theirs.get(`${name}.vals`)?.shape[0] ?? 0
    }
    expect(sparse).toBeGreaterThan(0)
  })
})

/** W = lookup_table[index] + sparse: index k of column n is bits [3k, 3k + 3) of the words of column n. */
function decodePublic(
  file: ReturnType<typeof readSafetensors>,
  name: string,
  rows: number,
  cols: number,
  bits: number,
): Float64Array {
  const tensor = (suffix: string) => file.get(`${name}.${suffix}`)?.bytes ?? Buffer.alloc(0)
  const [qweight, table] = [tensor('qweight'), tensor('lookup_table')]
  const out = new Float64Array(rows * cols)
  for (let n = 0; n < rows; n++)
    for (let k = 0; k < cols; k++) {
      let index = 0
      for (let bit = 0; bit < bits; bit++) {
        const position = bits * k + bit
        const word = qweight.readUInt32LE(4 * ((position >> 5) * rows + n))
        index |= ((word >>> (position & 31)) & 1) << bit
      }
      out[n * cols + k] = fromHalf(table.readUInt16LE(2 * (n * 2 ** bits + index)))
    }
  const [rowPointers, columns, values] = [tensor('rows'), tensor('cols'), tensor('vals')]
  for (let n = 0; n < rows && rowPointers.length > 0; n++)
    for (let at = rowPointers.readInt32LE(4 * n); at < rowPointers.readInt32LE(4 * n + 4); at++)
      out[n * cols + columns.readInt32LE(4 * at)]! += values.readFloatLE(4 * at)
  return out
}
