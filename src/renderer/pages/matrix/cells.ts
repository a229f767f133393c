/** One entry of a codebook with the weights that are nearest to it. */
export type Cell = {
  entry: number
  /** Halfway to the neighbours; infinite at the ends. */
  low: number
  high: number
  weights: number
  /** Σ F·(w − c)² over them. */
  objective: number
}

/** The cells of an ascending codebook. Equal entries, with which a codebook is filled up, are one. */
export function cellsOf(
  entries: readonly number[],
  weights: ArrayLike<number>,
  sensitivities: ArrayLike<number>,
): Cell[] {
  const distinct = [...new Set(entries)]
  const cells = distinct.map((entry, index): Cell => {
    const [before, after] = [distinct[index - 1], distinct[index + 1]]
    return {
      entry,
      low: before === undefined ? -Infinity : (before + entry) / 2,
      high: after === undefined ? Infinity : (entry + after) / 2,
      weights: 0,
      objective: 0,
    }
  })
  for (let i = 0; i < weights.length; i++) {
    const weight = weights[i] ?? 0
    const cell = cells[cellAt(cells, weight)]
    if (!cell) continue
    cell.weights++
    cell.objective += (sensitivities[i] ?? 0) * (weight - cell.entry) ** 2
  }
  return cells
}

/** Index of the cell in which a value lies; halfway between two it is the lower. */
export function cellAt(cells: readonly Cell[], value: number): number {
  let [first, last] = [0, cells.length - 1]
  while (first < last) {
    const middle = (first + last) >> 1
    if (value <= (cells[middle]?.high ?? Infinity)) last = middle
    else first = middle + 1
  }
  return first
}
