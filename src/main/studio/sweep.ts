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
import { quietly, runAsJob, stored, type RunOptions } from './recording.ts'
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

/** As many as one request takes. */
const RECIPES_AT_ONCE = 256

/**
 * Measures recipes without writing results: squeezed in memory, evaluated a few at a time. Points that the project
 * has are taken from there, and each new one is recorded as it is through, so a sweep that was interrupted goes on.
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
    // A point that cannot be recorded at once does not end the job; it is tried again at the end, and then that is told.
    const open = new Set<MeasuredRecipe>()
    await runAsJob(context, { kind: 'sweep', projectId: model.project?.id, params: about }, options, (onProgress) =>
      withTokenFile(windowsOf(plan), async (tokens) => {
        for (let first = 0; first < missing.length; first += RECIPES_AT_ONCE) {
          throwIfAborted(options.signal)
          const places = missing.slice(first, first + RECIPES_AT_ONCE)
          const asked = places.map((index) => recipes[index]).filter((recipe) => recipe !== undefined)
          await context.sidecar.runJob(
            'sweep.start',
            { ...shared, tokens, recipes: asked },
            {
              onProgress: stretch(onProgress, first / missing.length, (first + places.length) / missing.length),
              signal: options.signal,
              onPoint({ place, point, meanNll, tokens: predicted, windows }) {
                const [index, recipe] = [places[place], asked[place]]
                if (index === undefined || recipe === undefined) return
                const reference = { referenceNll: meanNll ?? null, tokens: predicted, windows }
                const entry = { recipe, point, ...reference, fresh: true }
                measured[index] = entry
                open.add(entry)
                quietly(() => {
                  record(context, inputs, entry)
                  open.delete(entry)
                })
                onPoint?.(entry)
              },
            },
          )
        }
        for (const entry of open) record(context, inputs, entry)
      }),
    )
  }
  return measured.filter((entry) => entry !== undefined)
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
