export type Rect = { x: number; y: number; width: number; height: number }

/**
 * Tiles an area so that each value gets its share of it and the tiles are as square as may be: squarified treemaps
 * (Bruls, Huizing, van Wijk, 2000). Rows are laid along the shorter side of what is left, and a row is closed when the
 * next tile would make its worst one longer. Tiles come in the order of the values; a value of 0 gets one without size.
 */
export function squarify(values: readonly number[], area: Rect): Rect[] {
  const tiles = values.map((): Rect => ({ x: area.x, y: area.y, width: 0, height: 0 }))
  const total = values.reduce((sum, value) => sum + value, 0)
  if (!(total > 0) || area.width <= 0 || area.height <= 0) return tiles
  const scale = (area.width * area.height) / total
  const waiting = [...values.entries()]
    .filter(([, value]) => value > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([index, value]) => ({ index, size: value * scale }))
  let left = area
  for (let begin = 0; begin < waiting.length;) {
    const side = Math.min(left.width, left.height)
    const end = endOfRow(waiting, begin, side)
    const row = waiting.slice(begin, end)
    left = layRow(row, left, tiles)
    begin = end
  }
  return tiles
}

type Sized = { index: number; size: number }

/** Index after the last tile of the row that begins at `begin`. */
function endOfRow(tiles: Sized[], begin: number, side: number): number {
  const largest = tiles[begin]?.size ?? 0
  let sum = largest
  let worst = worstRatio(largest, largest, sum, side)
  let end = begin + 1
  for (let tile = tiles[end]; tile; tile = tiles[end]) {
    const next = worstRatio(largest, tile.size, sum + tile.size, side)
    if (next > worst) break
    worst = next
    sum += tile.size
    end += 1
  }
  return end
}

/** Of the longer to the shorter side, of the worst tile in a row whose sizes add up to `sum`. */
function worstRatio(largest: number, smallest: number, sum: number, side: number): number {
  const square = side * side
  return Math.max((square * largest) / (sum * sum), (sum * sum) / (square * smallest))
}

/** Puts a row at the left or the top edge and gives what is left of the area. */
function layRow(row: Sized[], area: Rect, tiles: Rect[]): Rect {
  const upright = area.width >= area.height
  const side = upright ? area.height : area.width
  const thickness = row.reduce((sum, { size }) => sum + size, 0) / side
  let at = upright ? area.y : area.x
  for (const { index, size } of row) {
    const length = size / thickness
    tiles[index] = upright
      ? { x: area.x, y: at, width: thickness, height: length }
      : { x: at, y: area.y, width: length, height: thickness }
    at += length
  }
  return upright
    ? { ...area, x: area.x + thickness, width: Math.max(0, area.width - thickness) }
    : { ...area, y: area.y + thickness, height: Math.max(0, area.height - thickness) }
}
