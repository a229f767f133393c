import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { makeTinyCheckpoint } from '../fixtures/make-tiny-checkpoint.ts'
import { describeBuilt, jsonIn, scratchFolder, squeeze, type Line } from './squeeze.ts'

describeBuilt('bench', () => {
  const folder = scratchFolder()
  const home = join(folder, 'home')
  const checkpoint = join(folder, 'tiny')
  const made = join(folder, 'made')
  const json = jsonIn(home)
  // On the processor also where there is a GPU: what is expected says how it computes.
  const quick = ['--device', 'cpu', '--prompt', '24', '--generate', '6', '--rounds', '2']
  const small = ['--hidden', '64', '--layers', '2', '--intermediate', '160', '--heads', '4', '--vocabulary', '300']
  beforeAll(() => void makeTinyCheckpoint(checkpoint))

  const expectSpread = ({ min, median, max }: Record<string, number>) => {
    expect(min).toBeGreaterThan(0)
    expect(median).toBeGreaterThanOrEqual(min ?? NaN)
    expect(max).toBeGreaterThanOrEqual(median ?? NaN)
    expect(Number.isFinite(max)).toBe(true)
  }

  const expectSpeeds = (answer: Line, models: number, contexts: number[]) => {
    expect(answer).toMatchObject({ kind: 'bench', rounds: 2, interleaved: true, arithmetic: 'int16' })
    expect(answer.machine.processor).toMatch(/./)
    expect(answer.machine.measuredAtMs).toBeGreaterThan(1.7e12)
    expectSpread(answer.readBandwidth.allThreads)
    expectSpread(answer.readBandwidth.oneThread)
    expect(answer.peakMemoryBytes).toBeGreaterThan(0)
    expect(answer.models).toHaveLength(models)
    for (const model of answer.models) {
      for (const name of ['promptTokensPerSecond', 'firstTokenMs']) expectSpread(model[name])
      for (const name of ['weightBytesPerToken', 'cacheBytesPerPosition', 'memoryBytes'])
        expect(model[name]).toBeGreaterThan(0)
      expect(model.generation.map((at: Line) => at.context)).toEqual(contexts)
      for (const at of model.generation)
        for (const name of ['tokensPerSecond', 'bandwidthShare']) expectSpread(at[name])
    }
  }

  it('makes a model of random weights', async () => {
    const args = ['synthesize', ...small, '--weights', '3', '--sparsity', '0.45%', '--head', '8', '--out', made]
    const { last, status } = await json(args)
    expect(status).toBe(0)
    expect(last).toMatchObject({
      kind: 'synthesize',
      out: made,
      shape: { hidden: 64, heads: 4, kvHeads: 4, context: 4096 },
      weights: { type: 'lut', bits: 3, sparsity: 0.0045 },
      head: { type: 'lut', bits: 8, sparsity: 0 },
    })
    const inspected = await json(['inspect', made, '--no-project'])
    expect(inspected.last).toMatchObject({
      content: 'quantized',
      sizeBytes: last.sizeBytes,
      parameters: last.parameters,
    })
    expect((await json(args)).last).toMatchObject({ code: 'output-exists' })
  })

  it('measures models in turns, and records what belongs to a project', async () => {
    const save = join(folder, 'speed.json')
    const { last, status } = await json(['bench', checkpoint, made, ...quick, '--contexts', '32,8', '--save', save])
    expect(status).toBe(0)
    expectSpeeds(last, 2, [8, 32])
    expect(last.models[0]).toMatchObject({ path: checkpoint, storedAs: 'BF16', headStoredAs: 'BF16' })
    expect(last.models[1]).toMatchObject({ path: made, headStoredAs: '8 bits' })
    expect(JSON.parse(readFileSync(save, 'utf8'))).toEqual(last)
    const { benchmarks } = (await json(['projects', 'show', 'tiny'])).last
    expect(benchmarks).toHaveLength(1)
    expect(benchmarks[0]).toMatchObject({ speed: last.models[0], readBandwidth: last.readBandwidth, rounds: 2 })
    const shown = await squeeze(['projects', 'show', 'tiny', '--home', home])
    expect(shown.stdout).toMatch(/checkpoint +[\d.,]+ tok\/s +[\d.,]+ tok\/s at 8, [\d.,]+ tok\/s at 32/)
  })

  it('has a table for people', async () => {
    const { stdout, status } = await squeeze(['bench', made, checkpoint, ...quick, '--no-project'], { cwd: folder })
    expect(status).toBe(0)
    expect(stdout).toMatch(/made +3 bits \+ 0\.\d+%, head 8 bits +[\d.]+ MB +[\d.,]+ tok\/s +[\d.,]+ tok\/s.* 1\.00 ×/)
    expect(stdout).toMatch(/Read bandwidth +[\d.,]+ GB\/s/)
    expect(stdout).toMatch(/Measured +20\d\d-/)
  })

  // Makes and reads a model of 0.13 B parameters.
  it('measures a shape, and deletes or keeps what it made for that', async () => {
    const shape = ['bench', '--shape', '0.1b', '--weights', '3+0.45%', '--head', '4', ...quick]
    const gone = await json(shape)
    expect(gone.status).toBe(0)
    expectSpeeds(gone.last, 1, [24])
    expect(gone.last.shape).toBe('0.1b')
    expect(existsSync(join(home, 'scratch'))).toBe(false)
    const keep = join(folder, 'kept')
    const kept = await json([...shape, '--keep', keep])
    expect(kept.last.models[0].path).toBe(join(keep, '3+0.45%'))
    expect(readdirSync(keep)).toEqual(['3+0.45%'])
    expect((await json(['projects', 'list'])).last.projects.map((p: Line) => p.slug)).toEqual(['tiny'])
  })

  it.each(['SIGINT', 'SIGTERM'] as const)('that is stopped by %s leaves nothing behind', async (signal) => {
    for (const stage of ['Making weights', 'Measuring']) {
      mkdirSync(home, { recursive: true })
      let sentAt = 0
      const args = ['bench', '--shape', '0.1b', '--weights', '4', '--head', '4', '--prompt', '64', '--rounds', '500']
      const run = await json(args, {
        onLine(line, child) {
          if (sentAt > 0 || line.kind !== 'progress' || line.stage !== stage) return
          if (stage === 'Making weights') expect(readdirSync(join(home, 'scratch'))).toHaveLength(1)
          sentAt = performance.now()
          child.kill(signal)
        },
      })
      expect(sentAt).toBeGreaterThan(0)
      expect(run.last).toMatchObject({ kind: 'error', code: 'cancelled' })
      expect(run.status).toBe(5)
      expect(performance.now() - sentAt).toBeLessThan(1500)
      expect(existsSync(join(home, 'scratch'))).toBe(false)
    }
  })

  it.each([
    [['bench'], /nothing to measure/],
    [['bench', 'x', '--shape', '1b'], /--shape/],
    [['bench', 'x', '--kernels'], /--kernels/],
    [['bench', '--shape', '2b'], /--shape.*0\.1b/],
    [['bench', '--shape', '1b', '--weights', '9'], /--weights.*2 to 8/],
    [['bench', '--shape', '1b', '--weights', '3,3'], /--weights.*named twice/],
    [['bench', '--shape', '1b', '--weights', '3+50%'], /--weights.*fraction/],
    [['bench', '--shape', '1b', '--head', 'f8'], /--head/],
    [['bench', 'x', '--weights', '3'], /--weights.*--shape/],
    [['bench', 'x', '--contexts', '1,two'], /--contexts/],
    [['bench', 'x', '--simd', 'sse9'], /--simd/],
    [['bench', '--kernels', '--prompt', '3'], /--prompt/],
    [['synthesize', '--shape', '1b'], /--out/],
    [['synthesize', '--hidden', '64', '--out', 'y'], /--heads/],
    [['synthesize', ...['--shape', '1b', '--heads', '7', '--out', 'y']], /7 heads/],
    [['synthesize', '--shape', '1b', '--sparsity', '1%', '--out', 'y'], /--sparsity/],
  ])('%j is refused', async (args, words) => {
    const { last, status } = await json(args)
    expect(last).toMatchObject({ kind: 'error', code: 'invalid-request' })
    expect(last.message).toMatch(words)
    expect(status).toBe(2)
  })

  it('of a model that is not there says so', async () => {
    const { last, status } = await json(['bench', checkpoint, join(folder, 'nowhere')])
    expect(last).toMatchObject({ code: 'file-not-found' })
    expect(status).toBe(3)
  })
})
