/** Codebooks of other weights than one row each, and a squeezed embedding and head: from the request to the export. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ErrorInfo } from '../../src/shared/contract/errors.ts'
import type { JobResult } from '../../src/shared/contract/sidecar/job.ts'
import type { Recipe } from '../../src/shared/contract/sidecar/quantization.ts'
import { makeTinyModel } from '../fixtures/make-tiny-model.ts'
import { readSafetensors, writeTokenRows } from '../fixtures/safetensors.ts'
import { evaluation, greedy, quantization, recipe } from './requests.ts'
import { scratchFolder, tokenRows } from './scratch.ts'
import { Wire } from './wire.ts'

const scratch = scratchFolder()
const at = (name: string) => join(scratch, name)
/** Embedding and head of the model, [256, 64]. */
const OUTSIDE_WEIGHTS = 256 * 64

let wire: Wire
beforeAll(async () => {
  makeTinyModel(at('model'))
  makeTinyModel(at('tied'), { tied: true })
  writeTokenRows(at('tokens.safetensors'), tokenRows(4, 32))
  wire = await Wire.greeted()
})
afterAll(() => wire.close())

async function done<K extends JobResult['kind']>(kind: K, jobId: number): Promise<Extract<JobResult, { kind: K }>> {
  const ended = await wire.ended(jobId)
  expect(ended.error).toBeUndefined()
  expect(ended.result?.kind).toBe(kind)
  return ended.result as Extract<JobResult, { kind: K }>
}

async function quantize(model: string, out: string, over: Partial<Recipe>) {
  const params = quantization(at(model), at(out), { recipe: recipe(over) })
  return done('quantization', (await wire.result('quantization.start', params)).jobId)
}

async function evaluate(model: string, against: string) {
  const params = evaluation(at(model), at('tokens.safetensors'), at(against))
  return done('evaluation', (await wire.result('evaluation.start', params)).jobId)
}

async function failure(method: 'quantization.start' | 'export.start' | 'sweep.start', params: object) {
  const reply = await wire.call(method, params)
  if (reply.error) return reply.error.data as ErrorInfo
  const ended = await wire.ended((reply.result as { jobId: number }).jobId)
  expect(ended.outcome).toBe('failed')
  return ended.error as ErrorInfo
}

async function generates(name: string) {
  const load = { path: at(name), device: 'cpu', threads: 0, contextLength: 0 }
  const { modelId } = await wire.result('model.load', load)
  const params = { modelId, prompt: [5, 6, 7, 8], maxTokens: 6, stopTokens: [], sampling: greedy }
  const found = await done('generation', (await wire.result('generation.start', params)).jobId)
  expect(found.generatedTokens).toBe(6)
  await wire.result('model.unload', { modelId })
}

async function exportsDense(name: string, as: string) {
  const params = { model: at(name), format: 'hf-fp16' as const, out: at(as), threads: 0 }
  await done('export', (await wire.result('export.start', params)).jobId)
  expect(await wire.result('checkpoint.inspect', { path: at(as) })).toMatchObject({ kind: 'dense', bitsPerWeight: 16 })
  expect((await evaluate(as, name)).divergence?.klMean).toBeLessThan(1e-4)
}

describe('codebooks of blocks', () => {
  test.each([
    ['shared', { share: 4, sparsity: 0.0045 }, 3 + 128 / (4 * 64)],
    ['grouped', { group: 32 }, 3 + 128 / 32],
    ['both', { group: 32, share: 8, overrides: [{ match: '*.down_proj', bits: 16 }] }, undefined],
  ] as [string, Partial<Recipe>, number | undefined][])(
    '%s: from the request to the export',
    async (name, fields, bitsOfQ) => {
      const made = await quantize('model', name, fields)
      const inspected = await wire.result('checkpoint.inspect', { path: at(name) })
      expect(inspected.recipe).toMatchObject(fields)
      expect(inspected.fingerprint).toBe(made.fingerprint)
      expect(inspected.bitsPerWeight).toBeCloseTo(made.bitsPerWeight, 10)
      expect(inspected.matrices[0]).toMatchObject({ role: 'q', storedAs: 'grouped_lut' })
      // Counted from the bytes written: indices, the codebooks of the blocks, and the sparse part.
      const kept = made.matrices[0]?.sparseCount ?? 0
      const sparse = kept > 0 ? (32 * (kept + 65)) / (64 * 64) : 0
      if (bitsOfQ !== undefined) expect(made.matrices[0]?.bitsPerWeight).toBeCloseTo(bitsOfQ + sparse, 10)
      expect((await evaluate(name, 'model')).divergence?.klMean).toBeGreaterThan(0)
      await generates(name)
      await exportsDense(name, `${name}-dense`)
      const exported = { model: at(name), format: 'squeezellm', out: at(`${name}-public`), threads: 0 }
      expect((await failure('export.start', exported)).message).toContain('serve other weights than one row each')
    },
  )

  test('that say no more than the default make the same bytes', async () => {
    const plain = await quantize('model', 'plain', {})
    const same = await quantize('model', 'same', { group: 0, share: 1, embeddingBits: 16, headBits: 16 })
    expect(same.fingerprint).toBe(plain.fingerprint)
    expect(same.outside).toBeUndefined()
    const [one, other] = ['plain', 'same'].map((name) => readFileSync(join(at(name), 'model.safetensors')))
    expect(one?.equals(other ?? Buffer.alloc(0))).toBe(true)
  })

  test.each([
    [{ group: 31 }, 'recipe.group is 31'],
    [{ embeddingBits: 5 }, 'recipe.embeddingBits is 5'],
    [{ headBits: 7 }, 'recipe.headBits is 7'],
    [{ method: 'rtn', share: 2 }, 'rtn has no codebooks'],
  ] as const)('%j is refused', async (fields, words) => {
    const refused = await failure('quantization.start', quantization(at('model'), at('no'), { recipe: recipe(fields) }))
    expect(refused).toMatchObject({ code: 'invalid-request' })
    expect(refused.message).toContain(words)
  })
})

describe('embedding and head', () => {
  test.each([
    ['eights', { embeddingBits: 8, headBits: 8 }, [8, 8]],
    ['fours', { embeddingBits: 4, headBits: 4 }, [4, 4]],
    ['head', { headBits: 4 }, [4]],
  ] as const)('%s: from the request to the export', async (name, fields, widths) => {
    const plain = await quantize('model', `${name}-without`, {})
    const made = await quantize('model', name, fields)
    expect(made.outside?.map(({ bits }) => bits)).toEqual(widths)
    expect(made.bitsPerWeight).toBe(plain.bitsPerWeight)
    expect(made.sizeBytes).toBeLessThan(plain.sizeBytes)
    const file = readSafetensors(join(at(name), 'model.safetensors'))
    for (const { name: tensor, sizeBytes, bitsPerWeight, bits } of made.outside ?? []) {
      const linear = tensor.replace(/weight$/, '')
      const bytes = [...file]
        .filter(([own]) => own.startsWith(linear))
        .reduce((sum, [, { bytes: b }]) => sum + b.length, 0)
      expect(sizeBytes).toBe(bytes)
      expect(bitsPerWeight).toBeCloseTo((8 * bytes) / OUTSIDE_WEIGHTS, 10)
      expect(bitsPerWeight).toBeLessThanOrEqual(bits + 0.5)
    }
    const inspected = await wire.result('checkpoint.inspect', { path: at(name) })
    expect(inspected.recipe).toMatchObject(fields)
    expect(inspected.parameters).toBe((await wire.result('checkpoint.inspect', { path: at('model') })).parameters)
    const beside = await evaluate(name, `${name}-without`)
    expect(beside.divergence?.klMean).toBeGreaterThan(0)
    await generates(name)
    await exportsDense(name, `${name}-dense`)
    const exported = { model: at(name), format: 'squeezellm', out: at(`${name}-public`), threads: 0 }
    expect((await failure('export.start', exported)).message).toContain('embedding or head is squeezed')
  })

  test('of a tied pair are one matrix, with one width', async () => {
    const made = await quantize('tied', 'tied-8', { headBits: 8 })
    expect(made.outside).toMatchObject([{ embedding: true, head: true, bits: 8, name: 'model.embed_tokens.weight' }])
    await generates('tied-8')
    await exportsDense('tied-8', 'tied-8-dense')
    const both = recipe({ embeddingBits: 8, headBits: 4 })
    const refused = await failure('quantization.start', quantization(at('tied'), at('no'), { recipe: both }))
    expect(refused.message).toContain('cannot have 8 and 4 bits')
  })

  test('are left alone by a sweep, which says so', async () => {
    const refused = await failure('sweep.start', {
      checkpoint: at('model'),
      tokens: at('tokens.safetensors'),
      recipes: [recipe(), recipe({ embeddingBits: 8 })],
      precision: 'fp32',
      device: 'cpu',
      threads: 0,
    })
    expect(refused.message).toContain('params.recipes[1] squeezes embedding or head')
  })
})
