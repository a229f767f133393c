import { expect, it } from 'vitest'
import { outward, panned, whole, zoomed } from './view.ts'

const size = { rows: 100, cols: 400 }

it('zooms about a place that stays, and comes back', () => {
  const near = zoomed(whole(size), 2, { x: 0.25, y: 0.5 }, size)
  expect(near).toEqual({ row: 25, col: 50, rows: 50, cols: 200 })
  expect(zoomed(near, 1 / 2, { x: 0.25, y: 0.5 }, size)).toEqual(whole(size))
  expect(zoomed(near, 1e9, { x: 0, y: 0 }, size)).toEqual({ row: 25, col: 50, rows: 12, cols: 12 })
  expect(zoomed(whole({ rows: 3, cols: 5 }), 4, { x: 0, y: 0 }, { rows: 3, cols: 5 })).toEqual(
    whole({ rows: 3, cols: 5 }),
  )
})

it('stays within the matrix', () => {
  const near = { row: 25, col: 50, rows: 50, cols: 200 }
  expect(panned(near, 0.5, -1, size)).toEqual({ row: 0, col: 150, rows: 50, cols: 200 })
  expect(panned(near, 9, 9, size)).toEqual({ row: 50, col: 200, rows: 50, cols: 200 })
  expect(outward({ row: 1.2, col: 0, rows: 3.1, cols: 400 }, size)).toEqual({ row: 1, col: 0, rows: 4, cols: 400 })
})
