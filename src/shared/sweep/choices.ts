import type { Recipe } from '../contract/sidecar/quantization.ts'
import type { SweepChoices } from '../contract/studio/sweep.ts'
import { allocateWithin, prepareAllocation, type AllocationLimits, type Prepared } from './allocate.ts'
import { matrixBytesOf } from './budget.ts'
import type { ErrorTable } from './error-table.ts'
import { BASE } from './outlook.ts'
import { chooserOf, KEPT_BITS, recipeOf, type Choice } from './plan.ts'

/** As a project begins: the paper's recipe, and every tabulated width for a budget. */
export const FIRST_CHOICES: SweepChoices = {
  mode: 'alike',
  bits: 3,
  sparsity: 0.0045,
  budgetBitsPerWeight: 3.5,
  allowedBits: [2, 3, 4, 5, 6],
  keep: [],
  sameInLayer: false,
  axis: 'perplexity',
}

type Asked = Pick<SweepChoices, 'keep' | 'sameInLayer'> & { allowedBits?: readonly number[] | undefined }

/**
 * What an allotment must hold to, the same for the page and the command line: where widths are named, 16 must be among
 * them for any matrix to stay as it is, those apart that are asked to.
 */
export function limitsOf({ allowedBits, keep, sameInLayer }: Asked): Omit<AllocationLimits, 'matrixBytes'> {
  return { bits: allowedBits, mayKeep: allowedBits?.includes(KEPT_BITS) ?? true, keep, sameInLayer }
}

/** Undefined where no width is allowed. */
export function preparedFor(table: ErrorTable, choices: SweepChoices): Prepared | undefined {
  return prepareAllocation(table, limitsOf(choices))
}

/** Fewest and most bits per weight that an allotment can come to. */
export function budgetRange({ table, smallestBytes, largestBytes }: Prepared): [least: number, most: number] {
  const weights = table.matrices.reduce((sum, matrix) => sum + matrix.weights, 0)
  return [(8 * smallestBytes) / weights, (8 * largestBytes) / weights]
}

/** The steps of the slider, bits per weight. */
export const BUDGET_STEP = 0.05

/** The budget that is meant, within what can be reached: one of the slider's steps. */
export function budgetWithin(prepared: Prepared, asked: number): number {
  const [least, most] = budgetRange(prepared)
  const step = (value: number) => Number((Math.ceil(value / BUDGET_STEP - 1e-6) * BUDGET_STEP).toFixed(2))
  return Math.min(Math.max(step(asked), step(least)), step(most))
}

export type Allotted = {
  recipe: Recipe
  choices: Choice[]
  /** By how much the objective may lie above the least there is, as a fraction. */
  aboveBound: number
}

export function allotWithin(prepared: Prepared, bitsPerWeight: number, base = BASE): Allotted | undefined {
  const { table } = prepared
  const found = allocateWithin(prepared, matrixBytesOf(table, { amount: bitsPerWeight, unit: 'bits per weight' }))
  if (!found) return undefined
  const named = table.matrices.map(({ name }, index) => ({
    name,
    choice: found.choices[index] ?? { bits: KEPT_BITS, sparsity: 0 },
  }))
  const { objective } = found.cost
  return {
    recipe: recipeOf(base, named),
    choices: found.choices,
    aboveBound: found.lowerBound > 0 ? objective / found.lowerBound - 1 : 0,
  }
}

/** What the recipe gives each matrix of the table, in its order. */
export function choicesOf(table: ErrorTable, recipe: Recipe): Choice[] {
  const choose = chooserOf(recipe)
  return table.matrices.map(({ name }) => choose(name))
}
