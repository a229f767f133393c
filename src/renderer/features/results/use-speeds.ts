import { useEffect } from 'react'
import type { BenchmarkSummary } from '../../../shared/contract/studio/index.ts'
import { openBenchmarks, useBenchmarks } from '../../stores/benchmarks.ts'
import { measurementsOf, setupKey, setupsOf, setupWords } from '../benchmarks/measurements.ts'

/** Tokens per second that models generate, all measured in one way. */
export type Speeds = {
  /** That way, in words; absent where nothing was measured. */
  setup?: string
  /** Of a result, or of the checkpoint. */
  of: (resultId: number | undefined) => number | undefined
}

/** Of the way that was used last: speeds of others never stand beside them. Wants the newest first. */
export function speedsOf(benchmarks: BenchmarkSummary[]): Speeds {
  const measurements = measurementsOf(benchmarks)
  const [setup] = setupsOf(measurements)
  if (!setup) return { of: () => undefined }
  const alike = measurements.filter((measurement) => setupKey(measurement) === setup.key)
  return {
    setup: setupWords(setup.sample),
    of: (resultId) => alike.find((measurement) => measurement.resultId === resultId)?.tokensPerSecond.median,
  }
}

export function useSpeeds(projectId: number): Speeds {
  useEffect(() => openBenchmarks(projectId), [projectId])
  const { value, projectId: loaded } = useBenchmarks()
  return speedsOf((loaded === projectId && value) || [])
}
