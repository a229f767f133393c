import { resolve } from 'node:path'
import type { Recipe } from '../../shared/contract/sidecar/quantization.ts'
import type { SweepPoint } from '../../shared/contract/sidecar/sweep.ts'
import type { Stamp } from '../../shared/contract/studio/index.ts'
import { fail } from '../../shared/contract/studio-error.ts'
import { allocate, type Allocation, type AllocationLimits } from '../../shared/sweep/allocate.ts'
import { matrixBytesOf, type Budget } from '../../shared/sweep/budget.ts'
import { costOfRecipe, type ErrorTable, type RecipeCost } from '../../shared/sweep/error-table.ts'
import { gridRecipes, nextRecipes } from '../../shared/sweep/grid.ts'
import { BASE } from '../../shared/sweep/outlook.ts'
import { recipeOf } from '../../shared/sweep/plan.ts'
import { learnPredictor, predict, type Prediction, type Predictor } from '../../shared/sweep/predict.ts'
import { asking, lasting } from './asked.ts'
import type { CalibrationInputs } from './calibrate.ts'
import type { Context } from './context.ts'
import { errorTable, GRID, recordedCalibration } from './errors.ts'
import { planEvaluation, type EvaluationInputs, type EvaluationPlan } from './evaluate.ts'
import { openCheckpoint, type Model } from './model.ts'
import { stretch } from './progress.ts'
import { ensureCalibration } from './quantize.ts'
import type { RunOptions } from './recording.ts'
import { makeStamp } from './stamp.ts'
import { measureRecipes, type MeasuredRecipe } from './sweep.ts'

/** A checkpoint, and the calibration that errors are weighted by. */
export type GroundRequest = CalibrationInputs & {
  checkpoint: string
  /** Folder of a calibration of the project; without it, one of the same inputs is taken or made. */
  calibration?: string | undefined
  outliers?: Recipe['outliers'] | undefined
}

export type RecipeRequest = GroundRequest & {
  budget: Budget
  limits?: Omit<AllocationLimits, 'matrixBytes'> | undefined
}

export type RecipeOutcome = {
  recipe: Recipe
  cost: RecipeCost
  /** No allocation under the same limits has a smaller objective. */
  lowerBound: number
  /** Nats per token, without any measured point to learn from. */
  predictedDeltaNll: number
  matrices: { name: string; layer: number; role: string }[]
}

export type SweepRequest = GroundRequest &
  Pick<EvaluationInputs, 'window' | 'limitWindows'> & {
    /** Text to measure on; the bundled held-out text when absent. Of it SWEEP_TOKENS, where no limit is given. */
    evaluateOn?: string | undefined
    bits?: number[] | undefined
    sparsities?: number[] | undefined
    /** Measure this many, chosen one after the other, instead of the whole grid. */
    adaptive?: number | undefined
    /** Allot bits to these budgets too, and measure what comes out. */
    budgets?: Budget[] | undefined
    /** Measure these too. */
    recipes?: Recipe[] | undefined
  }

export type SweptPoint = {
  recipe: Recipe
  /** Undefined where the recipe is outside the table. */
  predicted: Prediction | undefined
  measured: SweepPoint
  deltaNll: number | undefined
}

export type SweepOutcome = {
  /** The project that has the points, and the calibration they stand on. */
  projectId: number
  calibration: string
  points: SweptPoint[]
  predictor: Predictor
  referencePerplexity: number | undefined
  stamp: Stamp
  /** Points measured by this run. */
  fresh: number
  /** Of those; calibration and table are not counted. */
  pointsPerSecond?: number
}

/**
 * Tokens that tell recipes apart. All are measured on the same ones, so what one is worse than another shows long before
 * perplexities themselves settle (docs/results.md), and a result is evaluated on the whole text anyway.
 */
const SWEEP_TOKENS = 16_384

/** What the error table stands on. */
type Ground = { model: Model; calibration: string; table: ErrorTable; tokensPerSample: number; base: BaseRecipe }
type BaseRecipe = Omit<Recipe, 'bits' | 'sparsity' | 'overrides'>

async function prepare(context: Context, request: GroundRequest, options: RunOptions): Promise<Ground> {
  const model = await openCheckpoint(context, request.checkpoint, options)
  if (!model.project) throw fail('invalid-request', 'A sweep needs a project; it cannot be left unrecorded.')
  const part = (from: number, to: number) => ({ ...options, onProgress: stretch(options.onProgress, from, to) })
  const path = request.calibration
    ? resolve(request.calibration)
    : (await ensureCalibration(context, model, request, part(0, 0.3))).path
  const outliers = request.outliers ?? BASE.outliers
  const table = await errorTable(context, model, path, outliers, part(0.3, 0.6))
  const { length } = recordedCalibration(context, path)
  const base = { ...BASE, outliers }
  // A sample of T tokens predicts all but its first.
  return { model, calibration: path, table, tokensPerSample: length - 1, base }
}

/** Bits and sparsity for each matrix, so that the whole stays within a budget at the least predicted loss. */
export async function allocateRecipe(
  context: Context,
  request: RecipeRequest,
  options: RunOptions = {},
): Promise<RecipeOutcome> {
  const ground = await prepare(context, request, options)
  const { recipe, allocation } = allotted(ground, request.budget, request.limits)
  const predictor = learnPredictor([], ground.tokensPerSample)
  return {
    recipe,
    cost: allocation.cost,
    lowerBound: allocation.lowerBound,
    predictedDeltaNll: predict(predictor, allocation.cost.objective).deltaNll,
    matrices: ground.table.matrices.map(({ name, layer, role }) => ({ name, layer, role })),
  }
}

function allotted(
  { table, base }: Ground,
  budget: Budget,
  limits: Omit<AllocationLimits, 'matrixBytes'> = {},
): { recipe: Recipe; allocation: Allocation } {
  const allocation = allocate(table, { ...limits, matrixBytes: matrixBytesOf(table, budget) })
  if (!allocation)
    throw fail('invalid-request', `The checkpoint cannot be squeezed into ${budget.amount} ${budget.unit}.`, {
      hint: 'Ask for more, or allow fewer bits.',
    })
  const choices = table.matrices.map(({ name }, index) => ({
    name,
    choice: allocation.choices[index] ?? { bits: 16, sparsity: 0 },
  }))
  return { recipe: recipeOf(base, choices), allocation }
}

export async function sweep(context: Context, request: SweepRequest, given: RunOptions = {}): Promise<SweepOutcome> {
  const { text, evaluateOn, calibration, checkpoint } = request
  const paths = {
    text: lasting(text),
    evaluateOn: lasting(evaluateOn),
    calibration: lasting(calibration),
    checkpoint: lasting(checkpoint),
  }
  refuseUnpredictable(request)
  const options = asking(given, { useCase: 'sweep', request: { ...request, ...paths } })
  const ground = await prepare(context, request, options)
  const heldout = evaluateOn ?? context.sample.take().heldoutText
  const whole = await planEvaluation(ground.model, { ...request, text: heldout })
  const plan = { ...whole, limitWindows: whole.limitWindows ?? Math.max(1, Math.floor(SWEEP_TOKENS / whole.window)) }
  const grid = gridRecipes(ground.base, request.bits ?? [2, 3, 4], request.sparsities ?? [0, 0.0005, 0.0045, 0.02])
  const more = [...(request.budgets ?? []).map((budget) => allotted(ground, budget).recipe), ...(request.recipes ?? [])]
  let seconds = 0
  async function measure(recipes: readonly Recipe[], from: number, to: number) {
    const begun = performance.now()
    const inputs = { model: ground.model, calibration: ground.calibration, plan, recipes }
    const points = await measureRecipes(context, inputs, {
      ...options,
      onProgress: stretch(options.onProgress, from, to),
    })
    seconds += (performance.now() - begun) / 1000
    return points
  }
  const measured =
    request.adaptive === undefined
      ? await measure([...grid, ...more], 0.6, 1)
      : await measureAdaptively(ground, grid, more, request.adaptive, measure)
  const outcome = outcomeOf(ground, measured, plan)
  return outcome.fresh === 0 ? outcome : { ...outcome, pointsPerSecond: outcome.fresh / seconds }
}

/** What cannot be predicted cannot be chosen by prediction, and would be left out without a word. */
function refuseUnpredictable({ adaptive, bits = [], sparsities = [] }: SweepRequest): void {
  const most = Math.max(...GRID.sparsities)
  const outside = [
    ...bits.filter((width) => !GRID.bits.includes(width)).map((width) => `${width} bits`),
    ...sparsities.filter((sparsity) => sparsity > most).map((sparsity) => `a sparsity of ${100 * sparsity}%`),
  ]
  if (adaptive === undefined || outside.length === 0) return
  const widths = `${Math.min(...GRID.bits)} to ${Math.max(...GRID.bits)} bits and sparsities up to ${100 * most}%`
  throw fail('invalid-request', `An adaptive sweep cannot choose ${outside.join(', ')}: it foretells ${widths} only.`, {
    hint: 'Leave them out, or measure the whole grid.',
  })
}

/** Rounds of a few points, each where the front of size and loss is known least. */
async function measureAdaptively(
  { table, tokensPerSample }: Ground,
  grid: readonly Recipe[],
  more: readonly Recipe[],
  count: number,
  measure: (recipes: readonly Recipe[], from: number, to: number) => Promise<MeasuredRecipe[]>,
): Promise<MeasuredRecipe[]> {
  let measured: MeasuredRecipe[] = []
  while (measured.length < count) {
    const known = measured.map(({ recipe, point, referenceNll }) => ({
      recipe,
      deltaNll: deltaOf(point, referenceNll),
    }))
    const next = nextRecipes(table, tokensPerSample, grid, known, Math.min(POINTS_A_ROUND, count - measured.length))
    if (next.length === 0) break
    const done = measured.length / count
    measured = [...measured, ...(await measure(next, 0.6 + 0.4 * done, 0.6 + 0.4 * (done + next.length / count)))]
  }
  return more.length === 0 ? measured : [...measured, ...(await measure(more, 0.99, 1))]
}

const POINTS_A_ROUND = 4

const deltaOf = (point: SweepPoint, referenceNll: number | null): number | undefined =>
  point.meanNll === undefined || referenceNll === null ? undefined : point.meanNll - referenceNll

function outcomeOf(
  { model, calibration, table, tokensPerSample }: Ground,
  measured: readonly MeasuredRecipe[],
  plan: EvaluationPlan,
) {
  const known = measured.flatMap(({ point, referenceNll }) => {
    const deltaNll = deltaOf(point, referenceNll)
    return deltaNll === undefined ? [] : [{ objective: point.objective, deltaNll }]
  })
  const predictor = learnPredictor(known, tokensPerSample)
  const points = measured.map(({ recipe, point, referenceNll }) => {
    const cost = costOfRecipe(table, recipe)
    return {
      recipe,
      predicted: cost && predict(predictor, cost.objective),
      measured: point,
      deltaNll: deltaOf(point, referenceNll),
    }
  })
  const referenceNll = measured.find((entry) => entry.referenceNll !== null)?.referenceNll
  if (!model.project) throw fail('internal', 'A sweep ended without a project.')
  return {
    projectId: model.project.id,
    calibration,
    points,
    predictor,
    referencePerplexity: typeof referenceNll === 'number' ? Math.exp(referenceNll) : undefined,
    stamp: stampOf(plan, measured),
    fresh: measured.filter(({ fresh }) => fresh).length,
  }
}

function stampOf(plan: EvaluationPlan, measured: readonly MeasuredRecipe[]): Stamp {
  const [first] = measured
  if (!first) throw fail('internal', 'A sweep ended without a point.')
  return makeStamp({
    textName: plan.text.name,
    textHash: plan.text.sha256,
    windowLength: plan.window,
    windows: first.windows,
    tokens: first.tokens,
    bos: plan.bos,
    precision: plan.precision,
  })
}
