import { existsSync } from 'node:fs'
import type { BenchmarkSummary, StudioParams } from '../../shared/contract/studio/index.ts'
import { fail } from '../../shared/contract/studio-error.ts'
import { listBenchmarks, listResults, type BenchmarkRow } from '../db/index.ts'
import { throwIfAborted } from '../sidecar/index.ts'
import { benchmark } from './benchmark.ts'
import type { Context } from './context.ts'
import { projectRow } from './projects.ts'

/** Newest first. Throws not-found. */
export function benchmarkSummaries(context: Context, projectId: number): BenchmarkSummary[] {
  return listBenchmarks(context.database(), projectRow(context, projectId).id).map(summary)
}

/** One job for each model: a model that took turns with others would share its caches with them. */
export async function startBenchmarks(
  context: Context,
  { projectId, models, ...tokens }: StudioParams<'benchmark.start'>,
): Promise<{ jobId: number }> {
  const paths = new Set(models.map(({ resultId }) => modelFolder(context, projectId, resultId)))
  const jobId = await context.background.start(async (run) => {
    let failure: { why: unknown } | undefined
    for (const path of paths) {
      throwIfAborted(run.signal)
      try {
        await benchmark(context, { models: [path], ...tokens }, run)
      } catch (why) {
        // The next model may be sound; what failed stands in its own job.
        failure ??= { why }
      }
    }
    if (failure) throw failure.why
  })
  return { jobId }
}

/** Checked before anything starts: later, nobody waits for the answer. */
function modelFolder(context: Context, projectId: number, resultId: number | undefined): string {
  const { path } = resultId === undefined ? projectRow(context, projectId) : resultRow(context, projectId, resultId)
  if (existsSync(path)) return path
  throw fail('file-not-found', `${path} is gone.`, { hint: 'Put the folder back, or measure without it.' })
}

function resultRow(context: Context, projectId: number, resultId: number): { path: string } {
  const row = listResults(context.database(), projectRow(context, projectId).id).find(({ id }) => id === resultId)
  if (row) return row
  throw fail('not-found', `Project ${projectId} has no result ${resultId}.`)
}

function summary(row: BenchmarkRow): BenchmarkSummary {
  const { path: _path, ...speed } = row.speed
  return {
    ...speed,
    id: row.id,
    ...(row.resultId === null ? {} : { resultId: row.resultId }),
    processor: row.processor,
    simd: row.simd,
    arithmetic: row.arithmetic,
    promptTokens: row.promptTokens,
    generateTokens: row.generateTokens,
    rounds: row.rounds,
    readBandwidth: row.readBandwidth,
    createdAtMs: row.createdAt,
  }
}
