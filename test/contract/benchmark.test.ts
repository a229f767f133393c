import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Spread } from '../../src/shared/contract/sidecar/benchmark.ts'
import type { JobResult } from '../../src/shared/contract/sidecar/job.ts'
import { writeTokenRows } from '../fixtures/safetensors.ts'
import { benchmark, codebook, dense, evaluation, kernelBenchmark, synthesis } from './requests.ts'
import { scratchFolder, tokenRows } from './scratch.ts'
import { Wire } from './wire.ts'

const scratch = scratchFolder()
const at = (name: string) => join(scratch, name)

let wire: Wire
beforeAll(async () => {
  wire = await Wire.greeted()
})
afterAll(() => wire.close())

async function done<K extends JobResult['kind']>(kind: K, jobId: number): Promise<Extract<JobResult, { kind: K }>> {
  const ended = await wire.ended(jobId)
  expect(ended.error).toBeUndefined()
  expect(ended.result?.kind).toBe(kind)
  return ended.result as Extract<JobResult, { kind: K }>
}

/** Positive and finite, in order. */
function expectSpread(spread: Spread | undefined): void {
  const { min, median, max } = spread ?? { min: NaN, median: NaN, max: NaN }
  expect(min).toBeGreaterThan(0)
  expect(median).toBeGreaterThanOrEqual(min)
  expect(max).toBeGreaterThanOrEqual(median)
  expect(max).toBeLessThan(Infinity)
}

// In this order: what the first test makes is measured by the later ones.
describe('models of random weights', () => {
  test('are made in every layout, with the size promised', async () => {
    const matrices = 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 64 * 160)
    for (const [name, weights] of [
      ['f16', dense],
      ['3', codebook(3, 0.0045)],
      ['8', codebook(8)],
    ] as const) {
      const { jobId } = await wire.result('synthesis.start', synthesis(at(name), { weights }))
      const made = await done('synthesis', jobId)
      const found = await wire.result('checkpoint.inspect', { path: at(name) })
      expect(made).toMatchObject({ out: at(name), sizeBytes: found.sizeBytes, parameters: found.parameters })
      expect(found.parameters).toBe(matrices + 2 * (2 * 64) + 64 + 2 * 256 * 64)
      expect(found).toMatchObject({ family: 'llama', kvHeads: 2, kind: weights.type === 'lut' ? 'quantized' : 'dense' })
      // The embedding at 16 bits, the head at 4 with codebooks of 16 halves.
      expect(found.embeddingBytes).toBe(256 * 64 * 2 + 256 * (64 / 2 + 2 * 16))
      if (weights.type === 'f16') expect(found.bitsPerWeight).toBe(16)
      else expect(found.recipe).toMatchObject({ method: 'synthetic', bits: weights.bits, sparsity: weights.sparsity })
    }
    expect(readdirSync(scratch).sort()).toEqual(['3', '8', 'f16'])
  })

  test('have the same bytes for the same seed, on any number of threads', async () => {
    const weights = (name: string) => readFileSync(join(at(name), 'model.safetensors'))
    for (const [name, seed, threads] of [
      ['again', 0, 1],
      ['other', 1, 1],
    ] as const) {
      const { jobId } = await wire.result('synthesis.start', synthesis(at(name), { seed, threads }))
      await done('synthesis', jobId)
    }
    expect(weights('again').equals(weights('3'))).toBe(true)
    expect(weights('other').equals(weights('3'))).toBe(false)
  })

  test('can be evaluated: their loss is that of knowing nothing', async () => {
    writeTokenRows(at('tokens.safetensors'), tokenRows(4, 48))
    for (const name of ['f16', '3', '8']) {
      const { jobId } = await wire.result('evaluation.start', evaluation(at(name), at('tokens.safetensors')))
      const { diverged, meanNll = NaN } = await done('evaluation', jobId)
      expect(diverged).toBe(false)
      expect(Math.abs(meanNll - Math.log(256))).toBeLessThan(1.5)
    }
  })

  test.each([
    ['heads', { shape: { ...synthesis('').shape, heads: 3 } }, 'params.shape.heads'],
    ['kvHeads', { shape: { ...synthesis('').shape, kvHeads: 3 } }, 'params.shape.kvHeads'],
    ['bits of dense weights', { weights: { type: 'f16', bits: 3, sparsity: 0 } as const }, 'params.weights.bits'],
    ['sparse dense weights', { head: { type: 'bf16', sparsity: 0.1 } as const }, 'params.head.sparsity'],
    ['a codebook of no bits', { head: { type: 'lut', sparsity: 0 } as const }, 'params.head.bits'],
  ])('%s that do not fit are refused by their path', async (_, over, path) => {
    const { info } = await wire.refusal('synthesis.start', synthesis(at('refused'), over))
    expect(info).toMatchObject({ code: 'invalid-request', message: expect.stringContaining(path) as string })
    expect(existsSync(at('refused'))).toBe(false)
  })

  test('leave nothing behind when they are cancelled', async () => {
    const shape = {
      hidden: 2048,
      layers: 32,
      intermediate: 8192,
      heads: 16,
      kvHeads: 16,
      vocabulary: 32_000,
      context: 64,
    }
    const { jobId } = await wire.result('synthesis.start', synthesis(at('large'), { shape, weights: dense }))
    await wire.until(() => wire.progress(jobId).find(({ fraction }) => fraction > 0), 'the first progress')
    const cancelledAt = performance.now()
    await wire.result('job.cancel', { jobId })
    expect((await wire.ended(jobId)).outcome).toBe('cancelled')
    expect(performance.now() - cancelledAt).toBeLessThan(1000)
    expect(readdirSync(scratch).filter((name) => name.startsWith('large'))).toEqual([])
  })
})

describe('a benchmark', () => {
  test('measures models in turns', async () => {
    const models = [at('f16'), at('3')]
    const { jobId } = await wire.result('benchmark.start', benchmark(models, { contexts: [40, 12] }))
    const found = await done('benchmark', jobId)
    expect(found).toMatchObject({ promptTokens: 24, generateTokens: 6, rounds: 3, interleaved: true })
    expect(found.models.map(({ path }) => path)).toEqual(models)
    expect(found.models.map(({ storedAs }) => storedAs)).toEqual(['F16', expect.stringMatching(/^3 bits \+ 0\.\d+%$/)])
    const matrices = 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 64 * 160)
    const head = 256 * (64 / 2 + 2 * 16)
    expect(found.models[0]?.weightBytesPerToken).toBe(2 * matrices + head)
    for (const model of found.models) {
      expect(model.headStoredAs).toBe('4 bits')
      expectSpread(model.promptTokensPerSecond)
      expectSpread(model.firstTokenMs)
      expect(model.generation.map(({ context }) => context)).toEqual([12, 40])
      for (const { context, tokensPerSecond, bandwidthShare, cacheBytesPerToken } of model.generation) {
        expectSpread(tokensPerSecond)
        expectSpread(bandwidthShare)
        expect(cacheBytesPerToken).toBe(model.cacheBytesPerPosition * (context + 3))
      }
      expect(model.memoryBytes).toBeGreaterThan(model.weightBytesPerToken)
      expect(model.promptTokensPerSecond.median * model.firstTokenMs.median).toBeCloseTo(24 * 1000, 3)
    }
    expectSpread(found.readBandwidth.allThreads)
    expectSpread(found.readBandwidth.oneThread)
    expect(found.peakMemoryBytes).toBeGreaterThan(400_000_000)
  })

  test('without contexts generates right after the prompt, and tells what it computed with', async () => {
    const params = benchmark([at('3')], { simd: 'portable', arithmetic: 'fp32', threads: 1 })
    const { jobId } = await wire.result('benchmark.start', params)
    const found = await done('benchmark', jobId)
    expect(found).toMatchObject({ simd: 'portable', arithmetic: 'fp32', readBandwidth: { threads: 1 } })
    expect(found.models[0]?.generation.map(({ context }) => context)).toEqual([24])
  })

  test('is cancelled within a second', async () => {
    const { jobId } = await wire.result('benchmark.start', benchmark([at('f16')], { rounds: 1000, promptTokens: 400 }))
    await wire.until(() => wire.progress(jobId).find(({ stage }) => stage === 'Measuring'), 'the measuring')
    const cancelledAt = performance.now()
    await wire.result('job.cancel', { jobId })
    expect((await wire.ended(jobId)).outcome).toBe('cancelled')
    expect(performance.now() - cancelledAt).toBeLessThan(1000)
  })

  test('refuses what it cannot measure by', async () => {
    const refusal = async (over: object) =>
      (await wire.refusal('benchmark.start', { ...benchmark(['x']), ...over })).info
    expect((await refusal({ models: [] })).message).toContain('params.models: expected 1 to 16 items')
    expect((await refusal({ simd: 'sse9' })).message).toContain('params.simd')
    expect((await refusal({ arithmetic: 'int4' })).message).toContain('params.arithmetic')
    expect((await refusal({ generateTokens: 1 })).message).toContain('params.generateTokens')
    const { jobId } = await wire.result('benchmark.start', benchmark([at('nowhere')]))
    expect((await wire.ended(jobId)).error?.code).toBe('file-not-found')
  })

  // Each layout reads 300 MB some times over.
  test('of kernels checks every product and times it', async () => {
    const layouts = [dense, codebook(8), codebook(4, 0.05)]
    const { jobId } = await wire.result('benchmark.kernels', kernelBenchmark({ layouts, tokens: [4, 1] }))
    const found = await done('kernel-benchmark', jobId)
    expect(found.kernels.map(({ layout, tokens }) => [layout, tokens])).toEqual(
      layouts.flatMap((layout) => [1, 4].map((tokens) => [layout, tokens])),
    )
    for (const kernel of found.kernels) {
      expect(kernel).toMatchObject({ rows: 1024, cols: 4096 })
      expectSpread(kernel.productMs)
      expectSpread(kernel.gigabytesPerSecond)
      expectSpread(kernel.bandwidthShare)
      expect(kernel.relativeError).toBeLessThan(1e-3)
      expect(kernel.gigabytesPerSecond.median).toBeCloseTo(kernel.weightBytes / 1e6 / kernel.productMs.median, 6)
    }
    expectSpread(found.readBandwidth.allThreads)
    const bad = kernelBenchmark({ layouts: [dense, { type: 'lut', sparsity: 0 }] })
    expect((await wire.refusal('benchmark.kernels', bad)).info.message).toContain('params.layouts[1].bits')
  })
})
