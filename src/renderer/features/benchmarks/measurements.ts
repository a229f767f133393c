import type { BenchmarkSummary, Project, ResultSummary } from '../../../shared/contract/studio/index.ts'

/** The speed of one model after one length of context: what a row of a table says. */
export type Measurement = Omit<BenchmarkSummary, 'generation'> & BenchmarkSummary['generation'][number]

/** How a speed was measured. Two may stand side by side exactly when their keys are equal. */
export type Setup = { key: string; sample: Measurement; models: number }

export type SpeedRow = { result: ResultSummary | undefined; measurement: Measurement | undefined }

/** One for each length of context, in the order of the benchmarks. */
export function measurementsOf(benchmarks: BenchmarkSummary[]): Measurement[] {
  return benchmarks.flatMap(({ generation, ...rest }) => generation.map((speed) => ({ ...rest, ...speed })))
}

export function setupKey(m: Measurement): string {
  const { processor, readBandwidth, simd, arithmetic, promptTokens, generateTokens, context } = m
  return JSON.stringify([processor, readBandwidth.threads, simd, arithmetic, promptTokens, generateTokens, context])
}

/** The ways of measuring that are known, the one used last first. Wants the newest measurement first. */
export function setupsOf(measurements: Measurement[]): Setup[] {
  const byKey = new Map<string, { sample: Measurement; models: Set<number> }>()
  for (const measurement of measurements) {
    const key = setupKey(measurement)
    const entry = byKey.get(key) ?? { sample: measurement, models: new Set() }
    entry.models.add(measurement.resultId ?? 0)
    byKey.set(key, entry)
  }
  return [...byKey].map(([key, { sample, models }]) => ({ key, sample, models: models.size }))
}

/** The checkpoint, then each result, smallest first, with its latest speed under one setup. Wants the newest first. */
export function speedRows(project: Pick<Project, 'results'>, measurements: Measurement[], key: string): SpeedRow[] {
  const alike = measurements.filter((measurement) => setupKey(measurement) === key)
  const latest = (resultId: number | undefined) => alike.find((measurement) => measurement.resultId === resultId)
  const results = project.results.toSorted((a, b) => a.sizeBytes - b.sizeBytes || b.createdAtMs - a.createdAtMs)
  return [undefined, ...results].map((result) => ({ result, measurement: latest(result?.id) }))
}

/**
 * Tokens per second that memory alone allows: each token reads the weights and the cache once, at the bandwidth that the
 * same run measured. A model that fits in a cache may exceed it.
 */
export function limitTokensPerSecond(m: Measurement): number {
  return (m.readBandwidth.allThreads.median * 1e9) / (m.weightBytesPerToken + m.cacheBytesPerToken)
}

/** Of the processor; absent where a GPU computed. */
export function threadsOf({ readBandwidth: { threads, oneThread } }: Measurement): number | undefined {
  return oneThread && threads
}

/** What computed, and how: "AMD EPYC · 2 threads · avx2, int16", "NVIDIA H100 · sm_90, fp32" */
export function machineWords(m: Measurement): string {
  const threads = threadsOf(m)
  const words = threads === undefined ? [] : [threads === 1 ? '1 thread' : `${threads} threads`]
  return [m.processor, ...words, `${m.simd}, ${m.arithmetic}`].join(' · ')
}

/** "AMD EPYC · 2 threads · avx2, int16 · prompt of 256 tokens, 128 generated" */
export function setupWords(m: Measurement): string {
  const after = m.context === m.promptTokens ? '' : ` after ${m.context}`
  return `${machineWords(m)} · prompt of ${m.promptTokens} tokens, ${m.generateTokens} generated${after}`
}
