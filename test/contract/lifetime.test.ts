import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { makeTinyModel } from '../fixtures/make-tiny-model.ts'
import { writeTokenRows } from '../fixtures/safetensors.ts'
import { calibration, evaluation, greedy, quantization, recipe } from './requests.ts'
import { scratchFolder, tokenRows } from './scratch.ts'
import { Wire } from './wire.ts'

const scratch = scratchFolder()
const at = (name: string) => join(scratch, name)
const slow = recipe({ bits: 8, sparsity: 0.0045 })
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

let wire: Wire
// Several seconds of work for each job, so that there is something to interrupt.
beforeAll(() => {
  makeTinyModel(at('model'), { hidden: 512, intermediate: 1024, layers: 4, heads: 8, kvHeads: 8, context: 100_000 })
  writeTokenRows(at('tokens.safetensors'), tokenRows(128, 256))
})
afterEach(() => wire.close())

type Start = (wire: Wire, out: string) => Promise<number>
const starts: [string, Start][] = [
  [
    'quantization',
    async (wire, out) =>
      (await wire.result('quantization.start', quantization(at('model'), out, { recipe: slow }))).jobId,
  ],
  [
    'calibration',
    async (wire, out) =>
      (await wire.result('calibration.start', calibration(at('model'), at('tokens.safetensors'), out))).jobId,
  ],
  [
    'evaluation',
    async (wire) =>
      (await wire.result('evaluation.start', evaluation(at('model'), at('tokens.safetensors'), at('model')))).jobId,
  ],
  [
    'generation',
    async (wire) => {
      const load = { path: at('model'), device: 'cpu', threads: 0, contextLength: 50_000 }
      const { modelId } = await wire.result('model.load', load)
      const params = { modelId, prompt: [1], maxTokens: 40_000, stopTokens: [], sampling: greedy }
      return (await wire.result('generation.start', params)).jobId
    },
  ],
]

const underWay = (jobId: number) =>
  wire.until(
    () =>
      wire.endings(jobId).length > 0 ||
      wire.progress(jobId).some(({ fraction }) => fraction > 0.01) ||
      wire.events.some(({ method }) => method === 'generation.produced') ||
      undefined,
    'the job is under way',
  )

describe('cancel', () => {
  test.each(starts)('ends a %s within a second, once', async (kind, start) => {
    wire = await Wire.greeted()
    const jobId = await start(wire, at(`cancelled-${kind}`))
    await underWay(jobId)
    expect(wire.endings(jobId)).toHaveLength(0)
    const asked = Date.now()
    expect(await wire.result('job.cancel', { jobId })).toEqual({ found: true })
    expect(await wire.ended(jobId)).toEqual({ jobId, outcome: 'cancelled' })
    expect(Date.now() - asked).toBeLessThan(1000)
    expect(await wire.result('job.cancel', { jobId })).toEqual({ found: false })
    await sleep(200)
    expect(wire.endings(jobId)).toHaveLength(1)
    expect(existsSync(at(`cancelled-${kind}`))).toBe(false)
  })

  test('ends a job that waits at once, and the others go on', async () => {
    wire = await Wire.greeted()
    const [, start] = starts[0]!
    const running = await start(wire, at('running'))
    const waiting = await start(wire, at('waiting'))
    const small = makeTinyModel(at('small'))
    const { jobId: last } = await wire.result('quantization.start', quantization(small, at('last')))
    await underWay(running)
    expect(await wire.result('job.cancel', { jobId: waiting })).toEqual({ found: true })
    expect((await wire.ended(waiting)).outcome).toBe('cancelled')
    expect(wire.progress(waiting)).toHaveLength(0)
    await wire.result('job.cancel', { jobId: running })
    expect((await wire.ended(last)).outcome).toBe('done')
    expect(wire.endings(running)).toHaveLength(1)
  })
})

describe('the end of the input', () => {
  test.each(starts)('ends the process within a second during a %s', async (kind, start) => {
    wire = await Wire.greeted()
    await underWay(await start(wire, at(`closed-${kind}`)))
    const closed = Date.now()
    wire.process.stdin.end()
    expect((await wire.exited).code).toBe(0)
    expect(Date.now() - closed).toBeLessThan(1000)
  })

  test('ends an idle process', async () => {
    wire = await Wire.greeted()
    const closed = Date.now()
    wire.process.stdin.end()
    expect((await wire.exited).code).toBe(0)
    expect(Date.now() - closed).toBeLessThan(500)
  })
})

// Runs the same squeezing twice, once in pieces: it takes its time.
test('a killed quantization goes on where it stood, to the same bytes', async () => {
  const quick = { recipe: recipe({ bits: 4, sparsity: 0.0045 }) }
  wire = await Wire.greeted()
  const whole = await wire.result('quantization.start', quantization(at('model'), at('whole'), quick))
  expect((await wire.ended(whole.jobId)).outcome).toBe('done')
  await wire.close()

  wire = await Wire.greeted()
  const journal = join(at('pieces.partial'), 'matrices')
  const finished = () =>
    existsSync(journal) ? readdirSync(journal).filter((name) => !name.endsWith('.tmp')).length : 0
  const killed = await wire.result('quantization.start', quantization(at('model'), at('pieces'), quick))
  while (finished() < 3 && wire.endings(killed.jobId).length === 0) await sleep(2)
  wire.process.kill('SIGKILL')
  expect((await wire.exited).signal).toBe('SIGKILL')
  expect(existsSync(at('pieces'))).toBe(false)
  const kept = finished()

  wire = await Wire.greeted()
  const { jobId } = await wire.result('quantization.start', quantization(at('model'), at('pieces'), quick))
  const { outcome, result } = await wire.ended(jobId)
  expect(outcome).toBe('done')
  if (result?.kind !== 'quantization') throw new Error(`${result?.kind} is no quantization`)
  expect(result.resumedMatrices).toBe(kept)
  expect(result.resumedMatrices).toBeLessThan(result.matrices.length)
  const files = readdirSync(at('whole')).sort()
  expect(readdirSync(at('pieces')).sort()).toEqual(files)
  for (const file of files)
    expect(readFileSync(join(at('pieces'), file)).equals(readFileSync(join(at('whole'), file)))).toBe(true)
  expect(existsSync(at('pieces.partial'))).toBe(false)
})

test('unfinished work of other inputs is not mixed in', async () => {
  const small = makeTinyModel(at('first'))
  const other = makeTinyModel(at('second'), { seed: 2 })
  wire = await Wire.greeted()
  // A journal as a run killed at its end leaves it: everything is there but the result.
  const run = async (checkpoint: string, bits: number, out: string) => {
    const params = quantization(checkpoint, out, { recipe: recipe({ bits }) })
    const { jobId } = await wire.result('quantization.start', params)
    const { result } = await wire.ended(jobId)
    return result?.kind === 'quantization' ? result : undefined
  }
  const big = await wire.result('quantization.start', quantization(at('model'), at('reused'), { recipe: slow }))
  const journal = join(at('reused.partial'), 'matrices')
  while (!existsSync(journal) || readdirSync(journal).length < 2) await sleep(2)
  await wire.result('job.cancel', { jobId: big.jobId })
  expect((await wire.ended(big.jobId)).outcome).toBe('cancelled')
  expect((await run(small, 3, at('reused')))?.resumedMatrices).toBe(0)
  const [left, right] = [await run(small, 3, at('fresh')), await run(other, 3, at('other'))]
  const file = (out: string) => readFileSync(join(at(out), 'model.safetensors'))
  expect(file('reused').equals(file('fresh'))).toBe(true)
  expect(left?.fingerprint).not.toBe(right?.fingerprint)
  expect(wire.stderr).toContain('other inputs')
})

/** A library that stands before oneDNN and prints to stdout when the sidecar asks for its version. */
const chatty = (() => {
  if (process.platform !== 'linux') return undefined
  const source = `
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <stdio.h>
    #include <unistd.h>
    const void *dnnl_version(void) {
      puts("Content-Length: 4 said by a library");
      if (write(1, "written by a library\\n", 21) != 21) return 0;
      return ((const void *(*)(void))dlsym(RTLD_NEXT, "dnnl_version"))();
    }`
  const library = at('chatty.so')
  try {
    execFileSync('cc', ['-shared', '-fPIC', '-x', 'c', '-', '-o', library, '-ldl'], { input: source, stdio: 'pipe' })
    return library
  } catch {
    return undefined
  }
})()

// Skipped, and counted as such, where there is no C compiler to make the library with.
test.skipIf(!chatty)('what libraries print to stdout goes to the log, not onto the wire', async () => {
  wire = await Wire.greeted({ LD_PRELOAD: chatty ?? '' })
  expect(await wire.result('job.cancel', { jobId: 1 })).toEqual({ found: false })
  expect(wire.stray).toBe('')
  expect(wire.stderr).toContain('said by a library')
  expect(wire.stderr).toContain('written by a library')
})
