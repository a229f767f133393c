import { create } from 'zustand'
import type { BenchmarkSummary } from '../../shared/contract/studio/index.ts'
import { client } from '../bridge/index.ts'
import { onceLinked } from './link.ts'
import { makeLoader, type Remote } from './remote.ts'

type State = Remote<BenchmarkSummary[]> & { projectId: number | null }

/** Speeds measured of the project in sight, newest first. */
export const useBenchmarks = create<State>(() => ({ projectId: null }))

const load = makeLoader<BenchmarkSummary[]>((remote) => useBenchmarks.setState(remote))

export function openBenchmarks(projectId: number): void {
  if (useBenchmarks.getState().projectId !== projectId)
    useBenchmarks.setState({ projectId, value: undefined, error: undefined })
  reloadBenchmarks()
}

export function reloadBenchmarks(): void {
  const { projectId } = useBenchmarks.getState()
  if (projectId !== null) void load(async () => (await client.call('benchmark.list', { projectId })).benchmarks)
}

client.on('project.changed', (changed) => {
  if (changed.projectId === undefined || changed.projectId === useBenchmarks.getState().projectId) reloadBenchmarks()
})
onceLinked(reloadBenchmarks)
