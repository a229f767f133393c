import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { QuantizationResult, Recipe } from '../../shared/contract/sidecar/quantization.ts'
import { beyondPaper } from '../../shared/recipe/beyond-paper.ts'
import { recipeKey } from '../../shared/sweep/plan.ts'
import { fail } from '../../shared/contract/studio-error.ts'
import { calibrationByPath, insertResult, listResults, type ResultRow } from '../db/index.ts'
import {
  defaultFolder,
  findCalibration,
  planCalibration,
  runCalibration,
  samplesOf,
  type CalibrationInputs,
  type CalibrationPlan,
} from './calibrate.ts'
import { asking, lasting } from './asked.ts'
import type { Context } from './context.ts'
import { resolveMachinery } from './device.ts'
import { projectFolder } from './home.ts'
import { openCheckpoint, type Model } from './model.ts'
import { outputFor } from './output.ts'
import { stretch } from './progress.ts'
import { runAsJob, stored, type RunOptions } from './recording.ts'
import { withTokenFile } from './tokens.ts'

export type QuantizeRequest = CalibrationInputs & {
  checkpoint: string
  recipe: Recipe
  /** Folder of a calibration; without it, one of the same inputs is taken or made where the recipe needs it. */
  calibration?: string | undefined
  out?: string | undefined
}

export type QuantizeOutcome = {
  result: QuantizationResult
  /** Folder of the calibration that was used. */
  calibration?: string
  project?: string
}

/** How much of the whole the calibration takes when both are done; only the bar depends on it. */
const CALIBRATION_SHARE = 0.5

export async function quantize(
  context: Context,
  request: QuantizeRequest,
  given: RunOptions = {},
): Promise<QuantizeOutcome> {
  const model = await openCheckpoint(context, request.checkpoint, given)
  const { recipe } = request
  const paths = {
    checkpoint: model.inspection.path,
    text: lasting(request.text),
    calibration: lasting(request.calibration),
    out: lasting(request.out),
  }
  const options = asking(given, { useCase: 'quantize', request: { ...request, ...paths } })
  const out = outputFor(request.out, resultFolder(context, model, recipe), model.inspection.path)
  if (recipe.weighting === 'none') {
    const samples = recipe.refine ? await planCalibration(context, model, request) : undefined
    return runQuantization(context, model, { recipe, samples, out }, options)
  }
  if (request.calibration !== undefined) {
    const calibration = calibrationFolder(request.calibration)
    return runQuantization(context, model, { recipe, calibration, out }, options)
  }
  const first = { ...options, onProgress: stretch(options.onProgress, 0, CALIBRATION_SHARE) }
  const { path, made } = await ensureCalibration(context, model, request, first, `${out}.calibration`)
  const rest = made ? { ...options, onProgress: stretch(options.onProgress, CALIBRATION_SHARE, 1) } : options
  return runQuantization(context, model, { recipe, calibration: path, out }, rest)
}

/** A calibration of these inputs: one of the project where there is one, else made, into `fallback` without a project. */
export async function ensureCalibration(
  context: Context,
  model: Model,
  inputs: CalibrationInputs,
  options: RunOptions,
  fallback?: string,
): Promise<{ path: string; made: boolean }> {
  const plan = await planCalibration(context, model, inputs)
  const found = findCalibration(context, model, plan)
  if (found) return { path: found.path, made: false }
  const folder = defaultFolder(context, model, plan)
  const out = outputFor(undefined, folder ?? fallback, model.inspection.path)
  await runCalibration(context, model, plan, out, options)
  return { path: out, made: true }
}

function calibrationFolder(given: string): string {
  const folder = resolve(given)
  if (existsSync(join(folder, 'calibration.json'))) return folder
  throw fail('file-not-found', `${folder} is no calibration: it has no calibration.json.`, {
    hint: 'Make one with "squeeze calibrate".',
  })
}

export type QuantizationPlan = {
  recipe: Recipe
  /** Folder of the calibration, where the recipe needs one. */
  calibration?: string | undefined
  /** What a recipe that refines learns from where it has no calibration. */
  samples?: CalibrationPlan | undefined
  out: string
}

export async function runQuantization(
  context: Context,
  model: Model,
  { recipe, calibration, samples, out }: QuantizationPlan,
  options: RunOptions,
): Promise<QuantizeOutcome> {
  const machinery = await resolveMachinery(context, 'quantization.start', options)
  const params = {
    checkpoint: model.inspection.path,
    ...(calibration === undefined ? {} : { calibration }),
    recipe,
    out,
    ...machinery,
  }
  const job = { kind: 'quantization' as const, projectId: model.project?.id, params }
  const result = await runAsJob(context, job, options, async (onProgress) => {
    const run = (tokens?: string) =>
      context.sidecar.runJob(
        'quantization.start',
        { ...params, ...(tokens === undefined ? {} : { tokens }) },
        { onProgress, signal: options.signal },
      )
    return recipe.refine && samples ? withTokenFile(await samplesOf(model, samples), run) : run()
  })
  const { project } = model
  if (project) {
    const database = context.database()
    const calibrationId = calibration === undefined ? undefined : calibrationByPath(database, calibration)?.id
    stored(() => insertResult(database, { projectId: project.id, calibrationId, result, now: Date.now() }))
  }
  return {
    result,
    ...(calibration === undefined ? {} : { calibration }),
    ...(project ? { project: project.slug } : {}),
  }
}

/** A finished result of the same recipe and calibration, or of the recipe without one, that is still on disk. */
export function findResult(
  context: Context,
  model: Model,
  recipe: Recipe,
  calibrationPath: string | undefined,
): ResultRow | undefined {
  if (!model.project) return undefined
  // Without a calibration nothing says which text it was refined on.
  if (recipe.refine && recipe.weighting === 'none') return undefined
  const database = context.database()
  const calibration = calibrationPath === undefined ? undefined : calibrationByPath(database, calibrationPath)
  return listResults(database, model.project.id).find(
    (row) =>
      row.calibrationFingerprint === (calibration?.fingerprint ?? null) &&
      recipeKey(row.recipe) === recipeKey(recipe) &&
      existsSync(join(row.path, 'config.json')),
  )
}

export function resultFolder(context: Context, model: Model, recipe: Recipe): string | undefined {
  if (!model.project) return undefined
  return join(projectFolder(context.home, model.project.slug), 'results', recipeSlug(recipe))
}

const hashOf = (value: unknown) => createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 8)

/** "squeezellm-3bit-0.45pct-paper-exact": what tells one result from another at a glance. */
function recipeSlug(recipe: Recipe): string {
  const { method, bits, sparsity, outliers, solver, weighting, overrides } = recipe
  return [
    method,
    `${bits}bit`,
    ...(sparsity > 0 ? [`${Number((sparsity * 100).toPrecision(4))}pct`, outliers] : []),
    ...(method === 'rtn' ? [] : [solver]),
    ...(weighting === 'none' && method !== 'rtn' ? ['unweighted'] : []),
    ...beyondPaper(recipe).map(([name, value]) => `${name.replace('Bits', '')}${value}`),
    ...(overrides?.length ? [`mixed-${hashOf(overrides)}`] : []),
  ].join('-')
}
