import type { Recipe } from '../../src/shared/contract/sidecar/quantization.ts'
import { allocate, type Allocation } from '../../src/shared/sweep/allocate.ts'
import { matrixBytesOf } from '../../src/shared/sweep/budget.ts'
import type { ErrorTable } from '../../src/shared/sweep/error-table.ts'
import { gridRecipes } from '../../src/shared/sweep/grid.ts'
import { KEPT_BITS, recipeOf, type Choice } from '../../src/shared/sweep/plan.ts'
import type { Rule, Subject } from './subject.ts'

export const baseOf = (outliers: Rule) =>
  ({ method: 'squeezellm', outliers, solver: 'exact', weighting: 'fisher' }) as const

export const FIRST_GRID = gridRecipes(baseOf('paper'), [2, 3, 4], [0, 0.0005, 0.0045, 0.02])

/** Uniform recipes of a rule, denser where widths are narrow and sparse parts are worth their size. */
export const uniformRecipes = (rule: Rule) =>
  rule === 'loss-aware'
    ? gridRecipes(baseOf(rule), [2, 3, 4], [0.0045, 0.02])
    : [
        ...gridRecipes(baseOf(rule), [2, 3], [0, 0.0005, 0.0045, 0.01, 0.02, 0.05]),
        ...gridRecipes(baseOf(rule), [4], [0, 0.0005, 0.0045, 0.02]),
        ...gridRecipes(baseOf(rule), [5, 6], [0, 0.0045, 0.02]),
      ]

export type Allotted = { recipe: Recipe; allocation: Allocation }

export function allot({ tables }: Subject, rule: Rule, bitsPerWeight: number): Allotted | undefined {
  const table = tables[rule]
  const budget = { amount: bitsPerWeight, unit: 'bits per weight' } as const
  const allocation = allocate(table, { matrixBytes: matrixBytesOf(table, budget) })
  return allocation && { recipe: recipeFor(table, rule, allocation.choices), allocation }
}

function recipeFor(table: ErrorTable, rule: Rule, choices: readonly Choice[]): Recipe {
  return recipeOf(
    baseOf(rule),
    table.matrices.map(({ name }, index) => ({ name, choice: choices[index] ?? { bits: KEPT_BITS, sparsity: 0 } })),
  )
}

/** From 0 up to 1, the same for the same seed (Steele et al., SplitMix; doi 10.1145/2660193.2660195, in 32 bits). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x9e3779b9) >>> 0
    let z = state
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return ((z ^ (z >>> 16)) >>> 0) / 2 ** 32
  }
}

/** Widths and sparsities by lot for every matrix: some around one width, some all over. */
export function randomRecipes({ tables }: Subject, rule: Rule, count: number, seed: number): Recipe[] {
  const table = tables[rule]
  const random = randomOf(seed)
  const pick = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)] as T
  const spans = [
    [2, 3],
    [3, 4],
    [2, 3, 4],
    [4, 5, 6],
    [2, 3, 4, 5, 6],
  ].map((span) => span.filter((bits) => table.bits.includes(bits)))
  return Array.from({ length: count }, (_, index) => {
    const widths = spans[index % spans.length] ?? []
    const choices = table.matrices.map(() => ({ bits: pick(widths), sparsity: pick(table.sparsities) }))
    return recipeFor(table, rule, choices)
  })
}
