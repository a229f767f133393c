import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import type { BenchmarkResult } from '../../shared/contract/sidecar/benchmark.ts'
import type { CheckpointInspectResult } from '../../shared/contract/sidecar/checkpoint.ts'
import type { QuantizationResult } from '../../shared/contract/sidecar/quantization.ts'
import { fail } from '../../shared/contract/studio-error.ts'
import { insertResult, listJobs, openDatabase, upsertProject, type Database } from '../db/index.ts'
import { makeBackground } from './background.ts'
import { benchmarkSummaries, startBenchmarks } from './benchmark-requests.ts'
import type { Context } from './context.ts'

const spread = { median: 10, min: 9, max: 11 }

/** What a sidecar answers that measured one model. */
function measured(path: string): BenchmarkResult {
  return {
    kind: 'benchmark',
    models: [
      {
        path,
        storedAs: 'F16',
        headStoredAs: 'F16',
        weightBytesPerToken: 8_000_000,
        cacheBytesPerPosition: 5120,
        memoryBytes: 12_000_000,
        promptTokensPerSecond: spread,
        firstTokenMs: spread,
        generation: [{ context: 64, tokensPerSecond: spread, cacheBytesPerToken: 400_000, bandwidthShare: spread }],
      },
    ],
    promptTokens: 64,
    generateTokens: 16,
    rounds: 5,
    interleaved: true,
    simd: 'avx2',
    arithmetic: 'int16',
    readBandwidth: { threads: 2, allThreads: spread, oneThread: spread },
    peakMemoryBytes: 1,
    durationMs: 1,
  }
}

let database: Database
let context: Context
let projectId: number
let resultId: number
let checkpoint: string
let result: string
/** Models asked for, one entry for each job. */
let asked: string[][]
/** Folder on which the sidecar fails. */
let broken: string | undefined

beforeEach(() => {
  const home = mkdtempSync(join(tmpdir(), 'squeeze-benchmarks-'))
  checkpoint = join(home, 'checkpoint')
  result = join(home, 'result')
  for (const folder of [checkpoint, result]) mkdirSync(folder)
  database = openDatabase(home)
  const inspect = (path: string) =>
    ({
      path,
      kind: path === result ? 'squeezed' : 'dense',
      fingerprint: basename(path),
      baseFingerprint: path === result ? 'checkpoint' : undefined,
    }) as unknown as CheckpointInspectResult
  projectId = upsertProject(database, { inspection: inspect(checkpoint), tokenizer: 'none', name: 'model', now: 1 }).id
  const quantized = {
    out: result,
    fingerprint: 'result',
    recipe: {},
    matrices: [],
    bitsPerWeight: 3,
    sizeBytes: 1,
    checkpointSizeBytes: 1,
    fp16SizeBytes: 1,
    objective: 1,
    peakMemoryBytes: 1,
    durationMs: 1,
  } as unknown as QuantizationResult
  resultId = insertResult(database, { projectId, calibrationId: undefined, result: quantized, now: 2 })
  asked = []
  broken = undefined
  const sidecar = {
    call: (_method: string, { path }: { path: string }) => Promise.resolve(inspect(path)),
    onLogLine: () => () => undefined,
    hello: () => Promise.resolve({ devices: [{ id: 'cpu', name: 'A processor', available: true }], isa: [] }),
    runJob: (_method: string, { models }: { models: string[] }) => {
      asked.push(models)
      const [path = ''] = models
      if (path === broken) return Promise.reject(fail('tensor-missing', 'A tensor is gone.'))
      return Promise.resolve(measured(path))
    },
  }
  context = { home, database: () => database, background: makeBackground(), sidecar } as unknown as Context
})

const tokens = { promptTokens: 64, generateTokens: 16 }
const jobStates = () => listJobs(database).map(({ state }) => state)

it('measures one model a job, in the order asked for, and lists them newest first', async () => {
  await startBenchmarks(context, { projectId, models: [{}, { resultId }, {}], ...tokens })
  await expect.poll(jobStates).toEqual(['done', 'done'])
  expect(asked).toEqual([[checkpoint], [result]])
  const [second, first, ...rest] = benchmarkSummaries(context, projectId)
  expect(rest).toEqual([])
  expect(first).toMatchObject({ processor: 'A processor', storedAs: 'F16', readBandwidth: { threads: 2 } })
  expect(first).not.toHaveProperty('resultId')
  expect(first).not.toHaveProperty('path')
  expect(second).toMatchObject({ resultId, ...tokens })
})

it('goes on with the next model when one fails', async () => {
  broken = checkpoint
  await startBenchmarks(context, { projectId, models: [{}, { resultId }], ...tokens })
  await expect.poll(jobStates).toEqual(['done', 'failed'])
  expect(benchmarkSummaries(context, projectId)).toMatchObject([{ resultId }])
})

it('refuses what is not of the project or not there, before anything starts', async () => {
  const start = (models: { resultId?: number }[]) => startBenchmarks(context, { projectId, models, ...tokens })
  await expect(start([{}, { resultId: 99 }])).rejects.toMatchObject({ code: 'not-found' })
  rmSync(result, { recursive: true })
  await expect(start([{}, { resultId }])).rejects.toMatchObject({ code: 'file-not-found' })
  expect(() => benchmarkSummaries(context, 99)).toThrow('There is no project 99.')
  expect(jobStates()).toEqual([])
})
