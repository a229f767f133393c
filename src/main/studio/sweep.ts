import type { Recipe } from '../../shared/contract/sidecar/quantization.ts'
import type { SweepPoint } from '../../shared/contract/sidecar/sweep.ts'
import { recipeKey } from '../../shared/sweep/plan.ts'
import { calibrationByPath, insertSweepPoint, listSweepPoints, type SweepPointRow } from '../db/index.ts'
import { throwIfAborted } from '../sidecar/index.ts'
import { evaluationWindows } from '../text/index.ts'
import type { Context } from './context.ts'
import { hiddenStateLimit, resolveMachinery } from './device.ts'
import type { EvaluationPlan } from './evaluate.ts'
import type { Model } from './model.ts'
import { stretch } from './progress.ts'
import { runAsJob, stored, type RunOptions } from './recording.ts'
import { withTokenFile } from './tokens.ts'

/** A recipe and what it was measured to give. */
export type MeasuredRecipe = {
  recipe: Recipe
  point: SweepPoint
  /** Loss of the checkpoint on the same text, nats per predicted token. */
  referenceNll: number | null
  tokens: number
  windows: number
  /** False where an earlier sweep had measured it. */
  fresh: boolean
}

export type SweepInputs = {
  model: Model
  calibration: string | undefined
  plan: EvaluationPlan
  recipes: readonly Recipe[]
  /** Told of each point as soon as it is there, known ones first. */
  onPoint?: ((measured: MeasuredRecipe) => void) | undefined
}

/** Points of one pass of the sidecar: what is not through when a sweep is ended is lost, so not too many. */
const POINTS_AT_ONCE = 16

/**
 * Measures recipes without writing results: squeezed in memory, evaluated in common passes. Points that the project
 * has are taken from there, and each pass is recorded as it ends, so a sweep that was interrupted goes on.
 */
export async function measureRecipes(
  context: Context,
  inputs: SweepInputs,
  options: RunOptions,
): Promise<MeasuredRecipe[]> {
  const { model, plan, recipes, onPoint } = inputs
  const known = knownPoints(context, inputs)
  const measured = recipes.map((recipe) => known.get(recipeKey(recipe)))
  for (const point of measured) if (point) onPoint?.(point)
  const missing = [...recipes.keys()].filter((index) => !measured[index])
  if (missing.length > 0) {
    const machinery = await resolveMachinery(context, 'sweep.start', options)
    const shared = {
      checkpoint: model.inspection.path,
      ...(inputs.calibration === undefined ? {} : { calibration: inputs.calibration }),
      precision: plan.precision,
      ...machinery,
      ...hiddenStateLimit(options),
    }
    const about = { ...shared, text: plan.text.name, window: plan.window, points: missing.length }
    await runAsJob(context, { kind: 'sweep', projectId: model.project?.id, params: about }, options, (onProgress) =>
      withTokenFile(windowsOf(plan), async (tokens) => {
        for (const [round, pass] of passes(missing).entries()) {
          throwIfAborted(options.signal)
          const from = (round * POINTS_AT_ONCE) / missing.length
          const progress = stretch(onProgress, from, Math.min(1, from + POINTS_AT_ONCE / missing.length))
          const asked = pass.map((index) => recipes[index]).filter((recipe) => recipe !== undefined)
          const result = await context.sidecar.runJob(
            'sweep.start',
            { ...shared, tokens, recipes: asked },
            { onProgress: progress, signal: options.signal },
          )
          for (const [place, point] of result.points.entries()) {
            const index = pass[place]
            const recipe = asked[place]
            if (index === undefined || recipe === undefined) continue
            const { tokens: predicted, windows } = result
            const entry = {
              recipe,
              point,
              referenceNll: result.meanNll ?? null,
              tokens: predicted,
              windows,
              fresh: true,
            }
            measured[index] = entry
            record(context, inputs, entry)
            onPoint?.(entry)
          }
        }
      }),
    )
  }
  return measured.filter((entry) => entry !== undefined)
}

function passes(missing: readonly number[]): number[][] {
  const rounds = Math.ceil(missing.length / POINTS_AT_ONCE)
  return Array.from({ length: rounds }, (_, round) =>
    missing.slice(round * POINTS_AT_ONCE, (round + 1) * POINTS_AT_ONCE),
  )
}

function windowsOf({ tokenizer, text, window, limitWindows, bos }: EvaluationPlan) {
  return evaluationWindows(tokenizer.encode(text.text), {
    window,
    bos,
    ...(tokenizer.bosId === undefined ? {} : { bosId: tokenizer.bosId }),
    ...(limitWindows === undefined ? {} : { limit: limitWindows }),
  })
}

function calibrationFingerprint(context: Context, { calibration }: SweepInputs): string | null {
  return calibration === undefined ? null : (calibrationByPath(context.database(), calibration)?.fingerprint ?? null)
}

/** What the project has of this plan and calibration, by recipe. */
function knownPoints(context: Context, inputs: SweepInputs): Map<string, MeasuredRecipe> {
  const { project } = inputs.model
  if (!project) return new Map()
  const fingerprint = calibrationFingerprint(context, inputs)
  const rows = listSweepPoints(context.database(), project.id).filter(
    ({ recipe, calibrationFingerprint: own, ...row }) =>
      own === (recipe.weighting === 'none' ? null : fingerprint) && measuredBy(row, inputs.plan),
  )
  return new Map(
    rows.map(({ recipe, point, referenceNll, tokens, windows }) => [
      recipeKey(recipe),
      { recipe, point, referenceNll, tokens, windows, fresh: false },
    ]),
  )
}

function measuredBy(row: Omit<SweepPointRow, 'recipe' | 'calibrationFingerprint'>, plan: EvaluationPlan): boolean {
  return (
    row.textHash === plan.text.sha256 &&
    row.windowLength === plan.window &&
    row.bos === plan.bos &&
    row.precision === plan.precision &&
    (row.limitWindows ?? undefined) === plan.limitWindows
  )
}

function record(
  context: Context,
  inputs: SweepInputs,
  { recipe, point, referenceNll, tokens, windows }: MeasuredRecipe,
): void {
  const { model, plan } = inputs
  if (!model.project) return
  const row = {
    projectId: model.project.id,
    calibrationFingerprint: recipe.weighting === 'none' ? null : calibrationFingerprint(context, inputs),
    recipe,
    textName: plan.text.name,
    textHash: plan.text.sha256,
    windowLength: plan.window,
    limitWindows: plan.limitWindows ?? null,
    windows,
    tokens,
    bos: plan.bos,
    precision: plan.precision,
    referenceNll,
    point,
    createdAt: Date.now(),
  }
  stored(() => insertSweepPoint(context.database(), row))
}
