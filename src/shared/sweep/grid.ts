import type { Recipe } from '../contract/sidecar/quantization.ts'
import { costOfRecipe, type ErrorTable } from './error-table.ts'
import { recipeKey } from './plan.ts'
import { learnPredictor, predict } from './predict.ts'

/** Uniform recipes: sparsity by sparsity, so that neighbours share their clustering. */
export function gridRecipes(
  base: Omit<Recipe, 'bits' | 'sparsity' | 'overrides'>,
  bits: readonly number[],
  sparsities: readonly number[],
): Recipe[] {
  return sparsities.flatMap((sparsity) => bits.map((width) => ({ ...base, bits: width, sparsity })))
}

type Known = { recipe: Recipe; deltaNll: number | undefined }
type Candidate = { recipe: Recipe; sizeBytes: number; deltaNll: number; measured: boolean }

/**
 * The recipes of the grid to measure next: of those that are predicted to lie on the front of size and loss, the ones
 * farthest, in size, from what is measured. Where the whole front is measured, the others by the same rule.
 */
export function nextRecipes(
  table: ErrorTable,
  tokensPerSample: number,
  grid: readonly Recipe[],
  known: readonly Known[],
  count: number,
): Recipe[] {
  const knownOf = new Map(known.map((entry) => [recipeKey(entry.recipe), entry]))
  const points = known.flatMap(({ recipe, deltaNll }) => {
    const cost = costOfRecipe(table, recipe)
    return cost && deltaNll !== undefined ? [{ objective: cost.objective, deltaNll }] : []
  })
  const predictor = learnPredictor(points, tokensPerSample)
  const candidates = grid.flatMap((recipe): Candidate[] => {
    const cost = costOfRecipe(table, recipe)
    if (!cost) return []
    const entry = knownOf.get(recipeKey(recipe))
    const deltaNll = entry ? (entry.deltaNll ?? Infinity) : predict(predictor, cost.objective).deltaNll
    return [{ recipe, sizeBytes: cost.sizeBytes, deltaNll, measured: entry !== undefined }]
  })
  const front = frontOf(candidates)
  const chosen: Candidate[] = []
  for (const pool of [front, candidates]) {
    while (chosen.length < count) {
      const settled = [...candidates.filter(({ measured }) => measured), ...chosen]
      const open = pool.filter((candidate) => !candidate.measured && !chosen.includes(candidate))
      const next = farthest(open, settled)
      if (!next) break
      chosen.push(next)
    }
  }
  return chosen.map(({ recipe }) => recipe)
}

/** Those that nothing beats in both size and loss, from the smallest on. */
export function frontOf<T extends { sizeBytes: number; deltaNll: number }>(points: readonly T[]): T[] {
  const sorted = [...points].sort((a, b) => a.sizeBytes - b.sizeBytes || a.deltaNll - b.deltaNll)
  let best = Infinity
  return sorted.filter(({ deltaNll }) => {
    const beats = deltaNll < best
    if (beats) best = deltaNll
    return beats
  })
}

function farthest(open: readonly Candidate[], settled: readonly Candidate[]): Candidate | undefined {
  const gap = ({ sizeBytes }: Candidate) =>
    Math.min(Infinity, ...settled.map((other) => Math.abs(Math.log(sizeBytes / other.sizeBytes))))
  let [found, widest]: [Candidate | undefined, number] = [undefined, -1]
  for (const candidate of open) {
    const own = gap(candidate)
    if (own > widest) [found, widest] = [candidate, own]
  }
  return found
}
