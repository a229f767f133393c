import { stampFields } from '../export/stamp-fields.ts'
import type { TableRecord } from '../export/table-text.ts'
import type { Stamp } from '../contract/studio/evaluation.ts'
import { costOf, type ErrorTable, type RecipeCost } from './error-table.ts'
import { frontOf } from './grid.ts'
import { forecast, forecastOf, type Outlook } from './outlook.ts'
import { recipeKey, type Choice } from './plan.ts'

/** The curves of perplexity against sparsity: one line for each width and tabulated sparsity. Sizes are bytes. */
export function curveRecords(outlook: Outlook): TableRecord[] {
  return outlook.curves.flatMap(({ bits, places }) =>
    places.map(({ sparsity, recipe, sizeBytes, bitsPerWeight, perplexity, low, high, extrapolates }) => {
      const measured = outlook.byKey.get(recipeKey(recipe))
      return {
        bits,
        sparsity,
        sizeBytes,
        bitsPerWeight,
        predictedPerplexity: perplexity ?? null,
        predictedLow: low ?? null,
        predictedHigh: high ?? null,
        extrapolates,
        measuredPerplexity: measured?.perplexity ?? null,
      }
    }),
  )
}

/** Everything measured, the smallest first; with the stamp, so that a line means something alone. */
export function pointRecords(outlook: Outlook, stamp: Stamp | undefined): TableRecord[] {
  const front = new Set(frontOf(outlook.points.filter(({ perplexity }) => perplexity !== undefined)))
  return outlook.points
    .toSorted((a, b) => a.sizeBytes - b.sizeBytes)
    .map((point) => {
      const { recipe } = point
      const predicted = forecast(outlook, recipe)
      return {
        method: recipe.method,
        bits: recipe.bits,
        sparsity: recipe.sparsity,
        outliers: recipe.outliers,
        solver: recipe.solver,
        weighting: recipe.weighting,
        overrides: recipe.overrides?.length ? JSON.stringify(recipe.overrides) : null,
        sizeBytes: point.sizeBytes,
        bitsPerWeight: point.bitsPerWeight,
        objective: point.objective,
        perplexity: point.perplexity ?? null,
        deltaNll: Number.isFinite(point.deltaNll) ? point.deltaNll : null,
        klMean: point.klMean ?? null,
        top1Agreement: point.top1Agreement ?? null,
        onFront: front.has(point),
        predictedPerplexity: predicted?.perplexity ?? null,
        predictedLow: predicted?.low ?? null,
        predictedHigh: predicted?.high ?? null,
        ...stampFields(stamp),
        measuredAt: new Date(point.measuredAtMs).toISOString(),
      }
    })
}

/** The chart of sizes: what was measured, and what a budget is foretold to reach. */
export function frontRecords(outlook: Outlook, reach: readonly RecipeCost[]): TableRecord[] {
  const front = new Set(frontOf(outlook.points.filter(({ perplexity }) => perplexity !== undefined)))
  const measured = outlook.points.map((point) => ({
    how: 'measured',
    bitsPerWeight: point.bitsPerWeight,
    sizeBytes: point.sizeBytes,
    perplexity: point.perplexity ?? null,
    low: null,
    high: null,
    onFront: front.has(point),
    extrapolates: null,
  }))
  const predicted = reach.map((cost) => {
    const { perplexity, low, high, extrapolates } = forecastOf(outlook, cost)
    return {
      how: 'predicted for a budget',
      bitsPerWeight: cost.bitsPerWeight,
      sizeBytes: cost.sizeBytes,
      perplexity: perplexity ?? null,
      low: low ?? null,
      high: high ?? null,
      onFront: null,
      extrapolates,
    }
  })
  return [...measured, ...predicted]
}

/** What each matrix gets, and what that costs it. */
export function allotmentRecords(table: ErrorTable, choices: readonly Choice[]): TableRecord[] {
  return table.matrices.map(({ name, layer, role, weights }, index) => {
    const choice = choices[index]
    const cost = choice && costOf(table, index, choice)
    return {
      tensor: name,
      layer,
      role,
      weights,
      bits: choice?.bits ?? null,
      sparsity: choice?.sparsity ?? null,
      sizeBytes: cost?.sizeBytes ?? null,
      objective: cost?.objective ?? null,
    }
  })
}
