import type { Recipe } from '../contract/sidecar/quantization.ts'
import { beyondPaper } from '../recipe/beyond-paper.ts'

/** What one matrix gets; 16 bits: it stays as it is. */
export type Choice = { bits: number; sparsity: number }

export const KEPT_BITS = 16

/** True when the whole text is what the pattern says: * stands for any characters, also none, ? for one. */
export function matches(pattern: string, text: string): boolean {
  let [p, t, star, resumed] = [0, 0, -1, 0]
  while (t < text.length) {
    if (pattern[p] === '*') {
      star = p++
      resumed = t
    } else if (p < pattern.length && (pattern[p] === '?' || pattern[p] === text[t])) {
      p++
      t++
    } else if (star >= 0) {
      p = star + 1
      t = ++resumed
    } else {
      return false
    }
  }
  while (pattern[p] === '*') p++
  return p === pattern.length
}

type Varied = Pick<Recipe, 'bits' | 'sparsity' | 'overrides'>

/** What the recipe gives the matrix of tensor `name`, as the sidecar reads it: the last override that names a field. */
export function choiceOf(recipe: Varied, name: string): Choice {
  return chooserOf(recipe)(name)
}

/**
 * The same for many matrices. An allotment names most of them one by one: those are looked up, for as many comparisons
 * as there are pairs of them would take longer than a frame.
 */
export function chooserOf({ bits: usual, sparsity: usualSparsity, overrides = [] }: Varied): (name: string) => Choice {
  const numbered = overrides.map((override, index) => ({ ...override, index }))
  const patterns = numbered.filter(({ match }) => /[*?]/.test(match))
  const byName = Map.groupBy(numbered, ({ match }) => match)
  return (name) => {
    const bare = name.replace(/\.weight$/, '')
    const own = [...(byName.get(bare) ?? []), ...patterns.filter(({ match }) => match !== bare && matches(match, bare))]
    let [bits, sparsity] = [usual, usualSparsity]
    for (const override of own.sort((a, b) => a.index - b.index)) {
      bits = override.bits ?? bits
      sparsity = override.sparsity ?? sparsity
    }
    return bits === KEPT_BITS ? { bits, sparsity: 0 } : { bits, sparsity }
  }
}

/** The same text for recipes that say the same, in whatever order. Which weights are kept says nothing where none are. */
export function recipeKey(recipe: Recipe): string {
  const { method, bits, sparsity, solver, weighting, overrides = [] } = recipe
  const outliers = [recipe, ...overrides].some((part) => (part.sparsity ?? 0) > 0) ? recipe.outliers : null
  const exceptions = overrides.map((override) => [override.match, override.bits ?? null, override.sparsity ?? null])
  return JSON.stringify([method, bits, sparsity, outliers, solver, weighting, exceptions, ...beyondPaper(recipe)])
}

/**
 * Choices of single matrices as a recipe: the commonest one for all, an override for each that differs. Matrices of
 * one kind that all differ in the same way share a pattern.
 */
export function recipeOf(
  base: Omit<Recipe, 'bits' | 'sparsity' | 'overrides'>,
  choices: readonly { name: string; choice: Choice }[],
): Recipe {
  const keyOf = ({ bits, sparsity }: Choice) => `${bits} ${sparsity}`
  const counts = new Map<string, { choice: Choice; count: number }>()
  for (const { choice } of choices) {
    if (choice.bits === KEPT_BITS) continue
    const entry = counts.get(keyOf(choice)) ?? { choice, count: 0 }
    entry.count++
    counts.set(keyOf(choice), entry)
  }
  const [commonest] = [...counts.values()].sort((a, b) => b.count - a.count)
  const main = commonest?.choice ?? { bits: 8, sparsity: 0 }
  const overrides = choices
    .filter(({ choice }) => keyOf(choice) !== keyOf(main))
    .map(({ name, choice }) => ({
      match: name.replace(/\.weight$/, ''),
      ...(choice.bits === main.bits ? {} : { bits: choice.bits }),
      ...(choice.bits === KEPT_BITS || choice.sparsity === main.sparsity ? {} : { sparsity: choice.sparsity }),
    }))
  return { ...base, ...main, ...(overrides.length > 0 ? { overrides } : {}) }
}
