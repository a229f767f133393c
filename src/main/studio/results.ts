import { existsSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { z } from 'zod'
import type {
  ExportSummary,
  ResultDetails,
  ResultMatrix,
  SpeedSummary,
  StudioParams,
} from '../../shared/contract/studio/index.ts'
import {
  listBenchmarks,
  listJobs,
  listResultMatrices,
  type BenchmarkRow,
  type JobRow,
  type ProjectRow,
  type ResultRow,
} from '../db/index.ts'
import type { Context } from './context.ts'
import { evaluate } from './evaluate.ts'
import { exportResult } from './export.ts'
import { projectRow } from './projects.ts'
import { isOwnResult, resultRow } from './trash.ts'

/** Enough to find the exports of a result among all that was done for its project. */
const MOST_JOBS = 10_000

/** What the page of one result shows besides its line in the list. Throws not-found. */
export function resultDetails(context: Context, projectId: number, resultId: number): ResultDetails {
  const project = projectRow(context, projectId)
  const row = resultRow(context, projectId, resultId)
  const database = context.database()
  const benchmarks = listBenchmarks(database, projectId)
  return {
    resultId,
    matrices: matrices(project, listResultMatrices(database, resultId)),
    speeds: benchmarks.filter((each) => each.resultId === null || each.resultId === resultId).flatMap(speeds),
    exports: exportsOf(row, listJobs(database, { projectId, limit: MOST_JOBS })),
    ...refinementOf(row),
    exportFolder: join(context.home, 'exports', `${project.slug}-${basename(row.path)}`),
    ownFolder: isOwnResult(context.home, row.path),
  }
}

export function startEvaluation(context: Context, asked: StudioParams<'evaluation.start'>): Promise<number> {
  const { projectId, resultId, text = context.sample.take().heldoutText, ...inputs } = asked
  const checkpoint = projectRow(context, projectId).path
  const model = resultRow(context, projectId, resultId).path
  const against = existsSync(checkpoint) ? checkpoint : undefined
  return context.background.start((run) => evaluate(context, { model, against, text, ...inputs }, run))
}

export function startExport(context: Context, asked: StudioParams<'export.start'>): Promise<number> {
  const { path: result } = resultRow(context, asked.projectId, asked.resultId)
  const { format, out } = asked
  return context.background.start((run) => exportResult(context, { result, format, out }, run))
}

const manifest = z.object({
  refinement: z
    .object({
      steps: z.int(),
      best_step: z.int(),
      samples: z.int(),
      held_out: z.int(),
      kl_before: z.number(),
      kl_after: z.number(),
    })
    .transform((r) => ({
      steps: r.steps,
      bestStep: r.best_step,
      samples: r.samples,
      heldOut: r.held_out,
      before: r.kl_before,
      after: r.kl_after,
    })),
})

/** From the result's own squeeze.json; nothing when that is not there to be read. */
function refinementOf({ path, recipe }: ResultRow): Pick<ResultDetails, 'refinement'> {
  if (!recipe.refine) return {}
  try {
    return { refinement: manifest.parse(JSON.parse(readFileSync(join(path, 'squeeze.json'), 'utf8'))).refinement }
  } catch {
    return {}
  }
}

/** What the squeeze recorded of each matrix, with what the inspection of the checkpoint says of it. */
function matrices({ inspection }: ProjectRow, outcomes: ReturnType<typeof listResultMatrices>): ResultMatrix[] {
  const dense = new Map(inspection.matrices.map((matrix) => [matrix.name, matrix]))
  return outcomes.flatMap((outcome) => {
    const before = dense.get(outcome.name)
    if (!before) return []
    const { rows, cols } = before
    const sizeBytes = Math.round((outcome.bitsPerWeight * rows * cols) / 8)
    return [{ ...outcome, rows, cols, sizeBytes, checkpointSizeBytes: before.sizeBytes }]
  })
}

/** One for each filling of the cache. Speeds of other machines, threads or lengths never meet. */
function speeds(row: BenchmarkRow): SpeedSummary[] {
  const { processor, threads, simd, arithmetic, promptTokens, generateTokens, createdAt, resultId } = row
  return row.speed.generation.map(({ context, tokensPerSecond }) => ({
    ...(resultId === null ? {} : { resultId }),
    key: JSON.stringify([processor, threads, simd, arithmetic, promptTokens, generateTokens, context]),
    conditions: [
      `${generateTokens} tokens generated after ${context}`,
      `${threads} ${threads === 1 ? 'thread' : 'threads'}`,
      `${simd}, ${arithmetic}`,
      processor,
    ].join(' · '),
    tokensPerSecond,
    createdAtMs: createdAt,
  }))
}

/** The latest into each folder. */
function exportsOf(row: ResultRow, jobs: JobRow[]): ExportSummary[] {
  const byPath = new Map<string, ExportSummary>()
  for (const { kind, state, params, endedAt, startedAt } of jobs) {
    if (kind !== 'export' || state !== 'done') continue
    const { model, out, format } = params as { model: string; out: string; format: ExportSummary['format'] }
    if (model !== row.path || byPath.has(out)) continue
    byPath.set(out, { path: out, format, createdAtMs: endedAt ?? startedAt, found: existsSync(out) })
  }
  return [...byPath.values()]
}
