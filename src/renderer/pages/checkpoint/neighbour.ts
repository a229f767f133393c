import type { Rect } from './squarify.ts'

export type Direction = 'left' | 'right' | 'up' | 'down'

/** Index of the nearest tile in a direction, the one most in line first; undefined at the edge. */
export function neighbour(tiles: readonly Rect[], from: number, direction: Direction): number | undefined {
  const here = tiles[from]
  if (!here) return undefined
  let best: { index: number; distance: number } | undefined
  for (const [index, tile] of tiles.entries()) {
    const distance = index === from ? undefined : distanceTo(here, tile, direction)
    if (distance !== undefined && (!best || distance < best.distance)) best = { index, distance }
  }
  return best?.index
}

/** How far the middles are apart, sideways counted double; undefined for what does not lie in that direction. */
function distanceTo(from: Rect, to: Rect, direction: Direction): number | undefined {
  const across = to.x + to.width / 2 - (from.x + from.width / 2)
  const down = to.y + to.height / 2 - (from.y + from.height / 2)
  const beyond = {
    left: to.x + to.width <= from.x + 1,
    right: to.x >= from.x + from.width - 1,
    up: to.y + to.height <= from.y + 1,
    down: to.y >= from.y + from.height - 1,
  }
  if (!beyond[direction]) return undefined
  const level = direction === 'left' || direction === 'right'
  return level ? Math.hypot(across, 2 * down) : Math.hypot(2 * across, down)
}
