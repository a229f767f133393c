import type { Recipe } from '../contract/sidecar/quantization.ts'
import type { ErrorCell, MatrixErrors } from '../contract/sidecar/sweep.ts'
import { beyondPaper } from '../recipe/beyond-paper.ts'
import { chooserOf, KEPT_BITS, type Choice } from './plan.ts'

/** What every matrix of a checkpoint loses, by width and sparsity, under one calibration and outlier rule. */
export type ErrorTable = {
  matrices: MatrixErrors[]
  bits: number[]
  sparsities: number[]
  /** Bytes of the checkpoint that are no matrix: embedding, head, norms, biases. */
  otherBytes: number
  /** Cells of each matrix by width and sparsity. */
  cells: Map<string, ErrorCell>[]
}

const cellKey = (bits: number, sparsity: number) => `${bits} ${sparsity}`

export function makeErrorTable(matrices: MatrixErrors[], otherBytes: number): ErrorTable {
  const numbers = (of: (cell: ErrorCell) => number) =>
    [...new Set(matrices.flatMap(({ cells }) => cells.map(of)))].sort((a, b) => a - b)
  return {
    matrices,
    bits: numbers(({ bits }) => bits),
    sparsities: numbers(({ sparsity }) => sparsity),
    otherBytes,
    cells: matrices.map(({ cells }) => new Map(cells.map((cell) => [cellKey(cell.bits, cell.sparsity), cell]))),
  }
}

/** Objective and bytes of one matrix. */
export type Cost = { objective: number; sizeBytes: number }

/**
 * What the matrix at `index` costs at a choice. Between tabulated sparsities, linearly in bytes and geometrically in
 * the objective; undefined at a width that is not tabulated or beyond the sparsities that are.
 */
export function costOf(table: ErrorTable, index: number, choice: Choice): Cost | undefined {
  const matrix = table.matrices[index]
  const cells = table.cells[index]
  if (!matrix || !cells) return undefined
  if (choice.bits === KEPT_BITS) return { objective: 0, sizeBytes: matrix.denseBytes }
  const exact = cells.get(cellKey(choice.bits, choice.sparsity))
  if (exact) return exact
  const above = table.sparsities.findIndex((sparsity) => sparsity > choice.sparsity)
  if (above <= 0) return undefined
  const [low, high] = [table.sparsities[above - 1] ?? 0, table.sparsities[above] ?? 0]
  const [from, to] = [cells.get(cellKey(choice.bits, low)), cells.get(cellKey(choice.bits, high))]
  if (!from || !to) return undefined
  const share = (choice.sparsity - low) / (high - low)
  return {
    objective: from.objective > 0 ? from.objective * (to.objective / from.objective) ** share : 0,
    sizeBytes: from.sizeBytes + (to.sizeBytes - from.sizeBytes) * share,
  }
}

/**
 * Sums over the matrices of a recipe; sizeBytes with everything else of the checkpoint. Tables hold codebooks of one row,
 * and everything else as it is: of a recipe that says otherwise nothing is known.
 */
export type RecipeCost = { objective: number; sizeBytes: number; bitsPerWeight: number }

/** Undefined where the table does not know: refinement moves codebooks by what no table of errors holds. */
export function costOfRecipe(table: ErrorTable, recipe: Recipe): RecipeCost | undefined {
  if (beyondPaper(recipe).length > 0) return undefined
  const choice = chooserOf(recipe)
  return costOfChoices(
    table,
    table.matrices.map(({ name }) => choice(name)),
  )
}

/** One choice for each matrix of the table, in its order. */
export function costOfChoices(table: ErrorTable, choices: readonly Choice[]): RecipeCost | undefined {
  let [objective, matrixBytes, weights] = [0, 0, 0]
  for (const [index, choice] of choices.entries()) {
    const cost = costOf(table, index, choice)
    if (!cost) return undefined
    objective += cost.objective
    matrixBytes += cost.sizeBytes
    weights += table.matrices[index]?.weights ?? 0
  }
  return { objective, sizeBytes: matrixBytes + table.otherBytes, bitsPerWeight: (8 * matrixBytes) / weights }
}
