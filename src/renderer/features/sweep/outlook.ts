import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { SweepState } from '../../../shared/contract/studio/index.ts'
import { costOfRecipe, makeErrorTable, type ErrorTable, type RecipeCost } from '../../../shared/sweep/error-table.ts'
import { beyondPaper } from '../../../shared/recipe/beyond-paper.ts'
import { learnPredictor, predict, type Predictor } from '../../../shared/sweep/predict.ts'

export const BASE = { method: 'squeezellm', outliers: 'paper', solver: 'exact', weighting: 'fisher' } as const

/** The grid that is measured first: three widths, and sparsities from none to where more bits are the better buy. */
export const FIRST_BITS = [2, 3, 4]
export const FIRST_SPARSITIES = [0, 0.0005, 0.0045, 0.02]

/** All that is needed to answer at once. */
export type Outlook = { table: ErrorTable; predictor: Predictor; referenceNll: number | undefined; points: Measured[] }

export type Measured = {
  id: number
  recipe: Recipe
  sizeBytes: number
  bitsPerWeight: number
  /** Undefined where the loss was not finite. */
  perplexity: number | undefined
  deltaNll: number
  klMean: number | undefined
}

export function outlookOf(state: SweepState): Outlook | undefined {
  const { table, tokensPerSample, referenceNll } = state
  if (!table || tokensPerSample === undefined) return undefined
  const points = state.points.map(({ id, recipe, point }) => ({
    id,
    recipe,
    sizeBytes: point.sizeBytes,
    bitsPerWeight: point.bitsPerWeight,
    perplexity: point.perplexity,
    deltaNll: point.meanNll === undefined || referenceNll === undefined ? Infinity : point.meanNll - referenceNll,
    klMean: point.klMean,
  }))
  const learnt = state.points.map(({ point }, index) => ({
    objective: point.objective,
    deltaNll: points[index]?.deltaNll ?? Infinity,
  }))
  return {
    table: makeErrorTable(table.matrices, table.otherBytes),
    predictor: learnPredictor(learnt, tokensPerSample),
    referenceNll,
    points,
  }
}

/** A recipe as it stands before it is measured. */
export type Forecast = RecipeCost & {
  perplexity: number | undefined
  low: number | undefined
  high: number | undefined
  extrapolates: boolean
}

export function forecast({ table, predictor, referenceNll }: Outlook, recipe: Recipe): Forecast | undefined {
  const cost = costOfRecipe(table, recipe)
  if (!cost) return undefined
  const { deltaNll, low, high, extrapolates } = predict(predictor, cost.objective)
  const perplexityAt = (delta: number | undefined) =>
    delta === undefined || referenceNll === undefined ? undefined : Math.exp(referenceNll + delta)
  return { ...cost, perplexity: perplexityAt(deltaNll), low: perplexityAt(low), high: perplexityAt(high), extrapolates }
}

/** True where width and sparsity, the same for all matrices, are all there is to say. */
export function isUniform(recipe: Recipe): boolean {
  return (recipe.overrides ?? []).length === 0 && beyondPaper(recipe).length === 0
}
