import { existsSync, realpathSync, rmSync } from 'node:fs'
import type {
  CalibrationSensitivities,
  CalibrationSummary,
  CheckpointFacts,
  EvaluationSummary,
  JobSummary,
  Project,
  ProjectSummary,
  ResultSummary,
  RoleSize,
} from '../../shared/contract/studio/index.ts'
import { fail } from '../../shared/contract/studio-error.ts'
import {
  listBenchmarks,
  listCalibrations,
  listEvaluations,
  listJobs,
  listProjects,
  listResults,
  listSensitivities,
  projectById,
  projectByName,
  removeProject,
  type BenchmarkRow,
  type CalibrationRow,
  type EvaluationRow,
  type JobRow,
  type ProjectRow,
  type ResultRow,
} from '../db/index.ts'
import type { Context } from './context.ts'
import { projectFolder } from './home.ts'
import { stored } from './recording.ts'
import { withRetries } from './retries.ts'
import { makeStamp } from './stamp.ts'
import { restorableResults } from './trash.ts'

/** Newest change first. */
export function projectSummaries(context: Context): (ProjectSummary & { slug: string })[] {
  const database = context.database()
  return listProjects(database).map((row) => {
    const results = listResults(database, row.id)
    const [smallest] = results.toSorted((a, b) => a.sizeBytes - b.sizeBytes)
    const { family, parameters, dtype, sizeBytes } = row.inspection
    return {
      id: row.id,
      slug: row.slug,
      name: row.name,
      path: row.path,
      family,
      parameters,
      dtype,
      sizeBytes,
      calibrations: listCalibrations(database, row.id).length,
      results: results.length,
      ...(smallest ? { smallest: { sizeBytes: smallest.sizeBytes, bitsPerWeight: smallest.bitsPerWeight } } : {}),
      changedAtMs: row.changedAt,
      found: existsSync(row.path),
    }
  })
}

export function offersSample(context: Context): boolean {
  if (!context.sample.offered()) return false
  const { checkpoint } = context.sample.paths
  const real = existsSync(checkpoint) ? realpathSync(checkpoint) : checkpoint
  return !listProjects(context.database()).some(({ path }) => path === real || path === checkpoint)
}

export function project(context: Context, id: number): Project {
  return details(context, projectRow(context, id))
}

/** Throws not-found. */
export function projectRow(context: Context, id: number): ProjectRow {
  const row = projectById(context.database(), id)
  if (!row) throw noSuchProject(String(id))
  return row
}

/** A project with what the command line shows besides: its name there, and the speeds measured, newest first. */
export type NamedProject = Project & { slug: string; benchmarks: BenchmarkRow[] }

/** By slug or number, as the command line names it. */
export function projectNamed(context: Context, name: string): NamedProject {
  const row = projectByName(context.database(), name)
  if (!row) throw noSuchProject(name)
  return { ...details(context, row), slug: row.slug, benchmarks: listBenchmarks(context.database(), row.id) }
}

/** What a calibration learnt of each matrix. Throws not-found. */
export function sensitivities(context: Context, projectId: number, calibrationId: number): CalibrationSensitivities {
  const database = context.database()
  const known = listCalibrations(database, projectId).some(({ id }) => id === calibrationId)
  if (!known) throw fail('not-found', `Project ${projectId} has no calibration ${calibrationId}.`)
  return { calibrationId, matrices: listSensitivities(database, calibrationId) }
}

/**
 * Forgets a project and what was learnt. The checkpoint stays in any case; calibrations and results that lie in the
 * studio's own folder go only when `files` says so.
 */
export function forgetProject(context: Context, id: number, options: { files?: boolean } = {}): boolean {
  const database = context.database()
  const row = projectById(database, id)
  if (!row) return false
  if (options.files) rmSync(projectFolder(context.home, row.slug), { recursive: true, force: true })
  return stored(() => removeProject(database, id))
}

/** Running ones and the latest that ended, newest first. */
export function jobSummaries(context: Context, projectId?: number): JobSummary[] {
  return withRetries(listJobs(context.database(), projectId === undefined ? {} : { projectId })).map(
    ([row, retryable]) => jobSummary(row, retryable),
  )
}

function noSuchProject(name: string): Error {
  return fail('not-found', `There is no project ${name}.`, { hint: 'squeeze projects list shows those there are.' })
}

/** A measurement of a result that is not recorded any more says nothing of the checkpoint. */
function details(context: Context, row: ProjectRow): Project {
  const database = context.database()
  return {
    id: row.id,
    name: row.name,
    createdAtMs: row.createdAt,
    changedAtMs: row.changedAt,
    checkpoint: checkpointFacts(row),
    calibrations: listCalibrations(database, row.id).map(calibrationSummary),
    results: listResults(database, row.id).map(resultSummary),
    deleted: restorableResults(context, row.id),
    evaluations: listEvaluations(database, row.id)
      .filter((evaluation) => evaluation.resultId !== null || evaluation.modelFingerprint === row.fingerprint)
      .map((evaluation) => evaluationSummary(evaluation, row.path)),
  }
}

function checkpointFacts(row: ProjectRow): CheckpointFacts {
  const { matrices, kind: _kind, recipe: _recipe, baseFingerprint: _base, ...facts } = row.inspection
  const roles = new Map<string, RoleSize>()
  for (const { role, rows, cols, sizeBytes } of matrices) {
    const sum = roles.get(role) ?? { role, weights: 0, sizeBytes: 0 }
    roles.set(role, { role, weights: sum.weights + rows * cols, sizeBytes: sum.sizeBytes + sizeBytes })
  }
  return {
    ...facts,
    roles: [...roles.values()],
    ...(row.tokenizer === null ? {} : { tokenizer: row.tokenizer }),
    found: existsSync(row.path),
  }
}

function calibrationSummary(row: CalibrationRow): CalibrationSummary {
  return {
    id: row.id,
    path: row.path,
    fingerprint: row.fingerprint,
    ...(row.textName === null ? {} : { textName: row.textName }),
    estimator: row.estimator,
    precision: row.precision,
    samples: row.samples,
    length: row.length,
    loss: row.loss,
    ...(row.sizeBytes === null ? {} : { sizeBytes: row.sizeBytes }),
    ...(row.durationMs === null ? {} : { durationMs: row.durationMs }),
    createdAtMs: row.createdAt,
    found: existsSync(row.path),
  }
}

function resultSummary(row: ResultRow): ResultSummary {
  return {
    id: row.id,
    path: row.path,
    fingerprint: row.fingerprint,
    ...(row.calibrationId === null ? {} : { calibrationId: row.calibrationId }),
    recipe: row.recipe,
    bitsPerWeight: row.bitsPerWeight,
    sizeBytes: row.sizeBytes,
    fp16SizeBytes: row.fp16SizeBytes,
    durationMs: row.durationMs,
    createdAtMs: row.createdAt,
    found: existsSync(row.path),
  }
}

/** The number measured beside it counts as the checkpoint's only where it is this checkpoint's. */
function evaluationSummary(row: EvaluationRow, checkpointPath: string): EvaluationSummary {
  const beside = row.againstPath === checkpointPath ? row.againstPerplexity : null
  return {
    id: row.id,
    ...(row.resultId === null ? {} : { resultId: row.resultId }),
    diverged: row.diverged,
    ...(row.perplexity === null ? {} : { perplexity: row.perplexity }),
    ...(row.klMean === null ? {} : { klMean: row.klMean }),
    ...(row.top1Agreement === null ? {} : { top1Agreement: row.top1Agreement }),
    ...(beside === null ? {} : { againstPerplexity: beside }),
    stamp: makeStamp(row),
    durationMs: row.durationMs,
    createdAtMs: row.createdAt,
  }
}

function jobSummary(row: JobRow, retryable: boolean): JobSummary {
  return {
    fraction: row.state === 'done' ? 1 : 0,
    ...row.progress,
    id: row.id,
    ...(row.projectId === null ? {} : { projectId: row.projectId }),
    kind: row.kind,
    state: row.state,
    ...(row.error === null ? {} : { error: row.error }),
    retryable,
    startedAtMs: row.startedAt,
    ...(row.endedAt === null ? {} : { endedAtMs: row.endedAt }),
  }
}
