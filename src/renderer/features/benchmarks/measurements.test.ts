import { describe, expect, it } from 'vitest'
import type { BenchmarkSummary, ResultSummary } from '../../../shared/contract/studio/index.ts'
import {
  limitTokensPerSecond,
  machineWords,
  measurementsOf,
  setupsOf,
  setupWords,
  speedRows,
  threadsOf,
} from './measurements.ts'

const spread = (median: number) => ({ median, min: median - 1, max: median + 1 })

function benchmark(
  id: number,
  resultId: number | undefined,
  change: { threads?: number; contexts?: number[]; gpu?: string } = {},
) {
  const { threads = 2, contexts = [256], gpu } = change
  return {
    id,
    ...(resultId === undefined ? {} : { resultId }),
    processor: gpu ?? 'AMD EPYC',
    simd: gpu ? 'sm_90' : 'avx2',
    arithmetic: gpu ? 'fp32' : 'int16',
    promptTokens: 256,
    generateTokens: 128,
    weightBytesPerToken: 9_000_000,
    generation: contexts.map((context) => ({
      context,
      tokensPerSecond: spread(100 * id),
      cacheBytesPerToken: 1_000_000,
      bandwidthShare: spread(0.5),
    })),
    readBandwidth: { threads, allThreads: spread(20), ...(gpu ? {} : { oneThread: spread(15) }) },
  } as BenchmarkSummary
}

const result = (id: number, sizeBytes: number) => ({ id, sizeBytes, createdAtMs: id }) as ResultSummary

describe('measurements', () => {
  const measurements = measurementsOf([
    benchmark(5, undefined, { threads: 1 }),
    benchmark(4, 7),
    benchmark(3, undefined, { contexts: [256, 400] }),
    benchmark(2, undefined),
  ])

  it('keeps what was measured in another way apart, the latest way first', () => {
    const setups = setupsOf(measurements)
    expect(setups.map(({ sample, models }) => [setupWords(sample), models])).toEqual([
      ['AMD EPYC · 1 thread · avx2, int16 · prompt of 256 tokens, 128 generated', 1],
      ['AMD EPYC · 2 threads · avx2, int16 · prompt of 256 tokens, 128 generated', 2],
      ['AMD EPYC · 2 threads · avx2, int16 · prompt of 256 tokens, 128 generated after 400', 1],
    ])
  })

  it('names no threads of a GPU, and keeps it apart from the processor', () => {
    const mixed = measurementsOf([benchmark(2, 7, { gpu: 'NVIDIA H100', threads: 1 }), benchmark(1, 7)])
    expect(mixed.map(machineWords)).toEqual(['NVIDIA H100 · sm_90, fp32', 'AMD EPYC · 2 threads · avx2, int16'])
    expect(mixed.map(threadsOf)).toEqual([undefined, 2])
    expect(setupsOf(mixed)).toHaveLength(2)
  })

  it('takes the latest of each model under one way, the checkpoint first and then the smallest', () => {
    const project = { results: [result(8, 300), result(7, 200), result(9, 100)] }
    const key = setupsOf(measurements)[1]?.key ?? ''
    const rows = speedRows(project, measurements, key)
    expect(rows.map((row) => [row.result?.id, row.measurement?.id])).toEqual([
      [undefined, 3],
      [9, undefined],
      [7, 4],
      [8, undefined],
    ])
  })

  it('knows how many tokens the memory of that run allows', () => {
    const [measurement] = measurementsOf([benchmark(1, undefined)])
    expect(measurement && limitTokensPerSecond(measurement)).toBe(2000)
  })
})
