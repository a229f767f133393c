/** A part of a matrix in sight. */
export type View = { row: number; col: number; rows: number; cols: number }
export type Size = { rows: number; cols: number }

/** No closer than this, where the matrix has as many. */
const LEAST = 12

export function whole({ rows, cols }: Size): View {
  return { row: 0, col: 0, rows, cols }
}

/** Factor above 1: closer. The place `at` (0..1 across and down) stays where it is. */
export function zoomed(view: View, factor: number, at: { x: number; y: number }, size: Size): View {
  const rows = between(view.rows / factor, Math.min(LEAST, size.rows), size.rows)
  const cols = between(view.cols / factor, Math.min(LEAST, size.cols), size.cols)
  return within(
    { row: view.row + (view.rows - rows) * at.y, col: view.col + (view.cols - cols) * at.x, rows, cols },
    size,
  )
}

/** By shares of what is in sight. */
export function panned(view: View, across: number, down: number, size: Size): View {
  return within({ ...view, row: view.row + view.rows * down, col: view.col + view.cols * across }, size)
}

export function within(view: View, size: Size): View {
  return {
    ...view,
    row: between(view.row, 0, size.rows - view.rows),
    col: between(view.col, 0, size.cols - view.cols),
  }
}

/** Whole rows and columns around the view. */
export function outward(view: View, size: Size): View {
  const row = Math.floor(view.row)
  const col = Math.floor(view.col)
  return {
    row,
    col,
    rows: Math.min(size.rows, Math.ceil(view.row + view.rows)) - row,
    cols: Math.min(size.cols, Math.ceil(view.col + view.cols)) - col,
  }
}

function between(value: number, low: number, high: number): number {
  return Math.max(low, Math.min(high, value))
}
