import { expect, it } from 'vitest'
import { neighbour } from './neighbour.ts'

/** A tall tile at the left, two above one another at the right. */
const tiles = [
  { x: 0, y: 0, width: 10, height: 20 },
  { x: 12, y: 0, width: 10, height: 9 },
  { x: 12, y: 11, width: 10, height: 9 },
]

it.each([
  [1, 'down', 2],
  [2, 'up', 1],
  [1, 'left', 0],
  [2, 'left', 0],
  [0, 'left', undefined],
  [0, 'up', undefined],
  [1, 'right', undefined],
] as const)('goes from %d %s to %s', (from, direction, to) => expect(neighbour(tiles, from, direction)).toBe(to))

it('goes right to one of the two, and nowhere from nothing', () => {
  expect([1, 2]).toContain(neighbour(tiles, 0, 'right'))
  expect(neighbour(tiles, 7, 'right')).toBeUndefined()
})
