import { expect, it } from 'vitest'
import { cellAt, cellsOf } from './cells.ts'

it('gives each weight to the nearest entry, and counts what that costs', () => {
  const cells = cellsOf([-1, 0, 0.5, 0.5], [-2, -0.5, 0.1, 0.3, 9], [1, 2, 10, 1, 0])
  expect(cells.map(({ entry, low, high, weights }) => [entry, low, high, weights])).toEqual([
    [-1, -Infinity, -0.5, 2],
    [0, -0.5, 0.25, 1],
    [0.5, 0.25, Infinity, 2],
  ])
  expect(cells.map(({ objective }) => objective)).toEqual([
    expect.closeTo(1.5),
    expect.closeTo(0.1),
    expect.closeTo(0.04),
  ])
  expect([-9, -0.5, -0.4, 0.25, 0.26, 9].map((value) => cellAt(cells, value))).toEqual([0, 0, 1, 1, 2, 2])
})
