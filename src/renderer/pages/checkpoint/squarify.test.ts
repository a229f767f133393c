import fc from 'fast-check'
import { expect, it } from 'vitest'
import { squarify } from './squarify.ts'

const area = { x: 0, y: 0, width: 6, height: 4 }

it('lays the example of the paper as the paper does', () => {
  const [a, b, c, d, e, f, g] = squarify([6, 6, 4, 3, 2, 2, 1], area)
  expect(a).toEqual({ x: 0, y: 0, width: 3, height: 2 })
  expect(b).toEqual({ x: 0, y: 2, width: 3, height: 2 })
  expect(c?.width).toBeCloseTo(12 / 7)
  expect(c?.height).toBeCloseTo(7 / 3)
  expect(d).toMatchObject({ y: 0 })
  expect(d?.x).toBeCloseTo(3 + 12 / 7)
  for (const tile of [e, f, g]) expect(tile?.y).toBeGreaterThanOrEqual(7 / 3 - 1e-9)
})

it('keeps the order of the values, and gives nothing to nothing', () => {
  const [small, none, large] = squarify([1, 0, 3], { x: 10, y: 20, width: 4, height: 1 })
  expect(large).toEqual({ x: 10, y: 20, width: 3, height: 1 })
  expect(small).toEqual({ x: 13, y: 20, width: 1, height: 1 })
  expect(none).toMatchObject({ width: 0, height: 0 })
})

it.each([
  ['no values', [], area],
  ['only zeros', [0, 0], area],
  ['no area', [1], { ...area, width: 0 }],
])('has no size to give for %s', (_case, values, within) => {
  for (const tile of squarify(values, within)) expect(tile.width * tile.height).toBe(0)
})

it('fills the area, each tile with its share and none over another', () => {
  const sizes = fc.array(fc.double({ min: 0.01, max: 1000, noNaN: true }), { minLength: 1, maxLength: 40 })
  const side = fc.double({ min: 20, max: 2000, noNaN: true })
  fc.assert(
    fc.property(sizes, side, side, (values, width, height) => {
      const tiles = squarify(values, { x: 5, y: 7, width, height })
      const total = values.reduce((sum, value) => sum + value, 0)
      const slack = 1e-6 * (width + height)
      for (const [index, tile] of tiles.entries()) {
        const wanted = ((values[index] ?? 0) / total) * width * height
        expect(Math.abs(tile.width * tile.height - wanted)).toBeLessThanOrEqual(1e-6 * width * height)
        expect(tile.x).toBeGreaterThanOrEqual(5 - slack)
        expect(tile.y).toBeGreaterThanOrEqual(7 - slack)
        expect(tile.x + tile.width).toBeLessThanOrEqual(5 + width + slack)
        expect(tile.y + tile.height).toBeLessThanOrEqual(7 + height + slack)
        for (const other of tiles.slice(index + 1)) {
          const across = Math.min(tile.x + tile.width, other.x + other.width) - Math.max(tile.x, other.x)
          const down = Math.min(tile.y + tile.height, other.y + other.height) - Math.max(tile.y, other.y)
          expect(Math.min(across, down)).toBeLessThanOrEqual(slack)
        }
      }
    }),
  )
})

it('makes nearly square tiles of equal values', () => {
  for (const { width, height } of squarify(Array<number>(32).fill(1), { x: 0, y: 0, width: 800, height: 400 })) {
    expect(Math.max(width / height, height / width)).toBeLessThan(1.6)
  }
})
