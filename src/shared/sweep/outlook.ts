import type { Recipe } from '../contract/sidecar/quantization.ts'
import type { MatrixErrors } from '../contract/sidecar/sweep.ts'
import type { MeasuredPoint } from '../contract/studio/sweep.ts'
import { PUBLISHED_RECIPE } from '../recipe/default-recipe.ts'
import { costOfRecipe, makeErrorTable, type ErrorTable, type RecipeCost } from './error-table.ts'
import { recipeKey } from './plan.ts'
import { learnPredictor, predict, type Predictor } from './predict.ts'

/** A recipe without what is varied: widths, sparsities, exceptions. */
export type Base = Omit<Recipe, 'bits' | 'sparsity' | 'overrides'>

const { bits: _bits, sparsity: _sparsity, ...published } = PUBLISHED_RECIPE

/** What is swept unless it is told otherwise: by the paper's rule all widths of a sparsity keep the same weights. */
export const BASE: Base = published

/** The grid that is measured first: three widths, and sparsities from none to where more bits are the better buy. */
export const FIRST_BITS = [2, 3, 4]
export const FIRST_SPARSITIES = [0, 0.0005, 0.0045, 0.02]

/** Errors of all matrices, and what else a checkpoint is made of. */
export type TableData = { matrices: MatrixErrors[]; otherBytes: number }

/** What was measured by one stamp on one calibration. */
export type Measurements = {
  tokensPerSample: number
  /** Loss of the checkpoint, nats per token. */
  referenceNll: number | undefined
  points: readonly MeasuredPoint[]
}

/** All that is needed to answer at once. */
export type Outlook = {
  base: Base
  table: ErrorTable
  predictor: Predictor
  referenceNll: number | undefined
  points: Measured[]
  byKey: ReadonlyMap<string, Measured>
  curves: Curve[]
}

export type Measured = {
  id: number
  recipe: Recipe
  sizeBytes: number
  bitsPerWeight: number
  objective: number
  /** Undefined where the loss was not finite. */
  perplexity: number | undefined
  deltaNll: number
  klMean: number | undefined
  top1Agreement: number | undefined
  measuredAtMs: number
}

/** A recipe as it stands before it is measured. */
export type Forecast = RecipeCost & {
  perplexity: number | undefined
  low: number | undefined
  high: number | undefined
  extrapolates: boolean
}

/** What one width gives at each tabulated sparsity. */
export type Curve = { bits: number; places: (Forecast & { sparsity: number; recipe: Recipe })[] }

type Known = Pick<Outlook, 'base' | 'table' | 'predictor' | 'referenceNll'>

export function outlookOf(
  data: TableData,
  { tokensPerSample, referenceNll, points: given }: Measurements,
  base = BASE,
): Outlook {
  const points = given.map(({ id, recipe, point, createdAtMs }): Measured => {
    const { sizeBytes, bitsPerWeight, objective, perplexity, meanNll, klMean, top1Agreement } = point
    const deltaNll = meanNll === undefined || referenceNll === undefined ? Infinity : meanNll - referenceNll
    const about = { sizeBytes, bitsPerWeight, objective, perplexity, deltaNll, klMean, top1Agreement }
    return { id, recipe, ...about, measuredAtMs: createdAtMs }
  })
  const table = makeErrorTable(data.matrices, data.otherBytes)
  const known: Known = { base, table, predictor: learnPredictor(points, tokensPerSample), referenceNll }
  const byKey = new Map(points.map((point) => [recipeKey(point.recipe), point]))
  return { ...known, points, byKey, curves: table.bits.map((bits) => curveOf(known, bits)) }
}

function curveOf(known: Known, bits: number): Curve {
  const places = known.table.sparsities.flatMap((sparsity) => {
    const recipe: Recipe = { ...known.base, bits, sparsity }
    const found = forecast(known, recipe)
    return found ? [{ ...found, sparsity, recipe }] : []
  })
  return { bits, places }
}

export function forecast(known: Omit<Known, 'base'>, recipe: Recipe): Forecast | undefined {
  const cost = costOfRecipe(known.table, recipe)
  return cost && forecastOf(known, cost)
}

/** What is foretold of anything whose cost is known. */
export function forecastOf({ predictor, referenceNll }: Omit<Known, 'base' | 'table'>, cost: RecipeCost): Forecast {
  const { deltaNll, low, high, extrapolates } = predict(predictor, cost.objective)
  const perplexityAt = (delta: number | undefined) =>
    delta === undefined || referenceNll === undefined ? undefined : Math.exp(referenceNll + delta)
  return { ...cost, perplexity: perplexityAt(deltaNll), low: perplexityAt(low), high: perplexityAt(high), extrapolates }
}

/** The same for all matrices. */
export function isUniform({ overrides }: Recipe): boolean {
  return (overrides ?? []).length === 0
}

/** A point of a curve: all matrices alike, and otherwise as the curves are squeezed. */
export function isOnCurve({ base }: Pick<Outlook, 'base'>, recipe: Recipe): boolean {
  const { bits, sparsity } = recipe
  return isUniform(recipe) && recipeKey(recipe) === recipeKey({ ...base, bits, sparsity })
}

export function checkpointPerplexity({ referenceNll }: Pick<Outlook, 'referenceNll'>): number | undefined {
  return referenceNll === undefined ? undefined : Math.exp(referenceNll)
}
