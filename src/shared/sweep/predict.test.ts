import { expect, it } from 'vitest'
import type { MatrixErrors } from '../contract/sidecar/sweep.ts'
import { parseBudget } from './budget.ts'
import { costOf, costOfRecipe, makeErrorTable } from './error-table.ts'
import { frontOf, gridRecipes, nextRecipes } from './grid.ts'
import { learnPredictor, predict, type Prediction } from './predict.ts'

it('begins with the second order, and says that it extrapolates', () => {
  const predictor = learnPredictor([], 100)
  expect(predict(predictor, 20)).toEqual({ deltaNll: 0.1, low: undefined, high: undefined, extrapolates: true })
})

const truth = (objective: number) => 0.3 * (objective / 200) ** 1.2

it('moves the scale by a few points, and the exponent by many', () => {
  const points = [1, 10, 100, 1000, 5000].map((objective) => ({ objective, deltaNll: truth(objective) }))
  const near = learnPredictor(points.slice(3), 100)
  expect(near.exponent).toBeGreaterThan(1)
  expect(near.exponent).toBeLessThan(1.1)
  expect(predict(near, 2000).deltaNll / truth(2000)).toBeCloseTo(1, 1)
  const all = learnPredictor(points, 100)
  expect(all.exponent).toBeGreaterThan(near.exponent)
  expect(Math.abs(all.exponent - 1.2)).toBeLessThan(0.05)
  const between = predict(all, 300)
  expect(between.deltaNll / truth(300)).toBeCloseTo(1, 1)
  expect(between.extrapolates).toBe(false)
  expect(predict(all, 6000).extrapolates).toBe(true)
})

const width = ({ deltaNll, low = NaN, high = NaN }: Prediction) => (high - low) / deltaNll

it('has a band that covers what it learnt from, and is wider where less is known', () => {
  const points = [10, 30, 100, 300, 1000, 3000].map((objective, i) => ({
    objective,
    deltaNll: (objective / 200) * (i % 2 ? 1.2 : 1 / 1.2),
  }))
  const all = learnPredictor(points, 100)
  for (const { objective, deltaNll } of points) {
    const { low, high } = predict(all, objective)
    expect(low).toBeLessThan(deltaNll)
    expect(high).toBeGreaterThan(deltaNll)
  }
  expect(width(predict(all, 300))).toBeLessThan(width(predict(learnPredictor(points.slice(2, 4), 100), 300)))
  expect(width(predict(all, 3e5))).toBeGreaterThan(width(predict(all, 3000)))
  // Where little is lost, the first order, of which nothing is known, counts for more.
  expect(width(predict(all, 0.1))).toBeGreaterThan(2 * width(predict(all, 300)))
  expect(predict(all, 0.1).low).toBeLessThan(0)
})

it('never turns the order of recipes round', () => {
  const falling = [1, 10, 100, 1000].map((objective) => ({ objective, deltaNll: 1 / objective }))
  const predictor = learnPredictor(falling, 100)
  expect(predict(predictor, 2000).deltaNll).toBeGreaterThan(predict(predictor, 20).deltaNll)
})

it('learns nothing from points that lost nothing', () => {
  expect(learnPredictor([{ objective: 5, deltaNll: -0.001 }], 10).learntFrom).toBe(0)
})

const table = makeErrorTable(
  [
    {
      name: 'a.weight',
      layer: 0,
      role: 'q',
      weights: 800,
      denseBytes: 1600,
      cells: [2, 3, 4].flatMap((bits) =>
        [0, 0.01].map((sparsity) => ({
          bits,
          sparsity,
          objective: 4 ** -bits * (sparsity > 0 ? 0.5 : 1),
          sizeBytes: 100 * bits + sparsity * 3200,
        })),
      ),
    } satisfies MatrixErrors,
  ],
  50,
)

it('reads between tabulated sparsities, and not beyond them', () => {
  expect(costOf(table, 0, { bits: 2, sparsity: 0.005 })).toEqual({
    objective: (1 / 16) * Math.SQRT1_2,
    sizeBytes: 216,
  })
  expect(costOf(table, 0, { bits: 2, sparsity: 0.02 })).toBeUndefined()
  expect(costOf(table, 0, { bits: 5, sparsity: 0 })).toBeUndefined()
  expect(costOf(table, 0, { bits: 16, sparsity: 0 })).toEqual({ objective: 0, sizeBytes: 1600 })
})

it('knows nothing of recipes that tables do not hold', () => {
  const base = { method: 'squeezellm', outliers: 'paper', solver: 'exact', weighting: 'fisher' } as const
  const recipe = { ...base, bits: 3, sparsity: 0 }
  expect(costOfRecipe(table, recipe)).toBeDefined()
  expect(costOfRecipe(table, { ...recipe, group: 0, share: 1, headBits: 16 })).toEqual(costOfRecipe(table, recipe))
  for (const beyond of [{ group: 64 }, { share: 2 }, { embeddingBits: 8 }, { headBits: 4 }])
    expect(costOfRecipe(table, { ...recipe, ...beyond })).toBeUndefined()
})

it('measures next what is farthest from what is known, along the front', () => {
  const base = { method: 'squeezellm', outliers: 'paper', solver: 'exact', weighting: 'fisher' } as const
  const grid = gridRecipes(base, [2, 3, 4], [0, 0.01])
  const first = nextRecipes(table, 100, grid, [], 1)
  expect(first).toHaveLength(1)
  const second = nextRecipes(table, 100, grid, [{ recipe: first[0] ?? grid[0]!, deltaNll: 1 }], 1)
  expect(second[0]).not.toEqual(first[0])
  const known = grid.slice(0, 5).map((recipe) => ({ recipe, deltaNll: 1 }))
  expect(nextRecipes(table, 100, grid, known, 4)).toEqual([grid[5]])
})

it('knows which points nothing beats', () => {
  const point = (sizeBytes: number, deltaNll: number) => ({ sizeBytes, deltaNll })
  expect(frontOf([point(3, 1), point(1, 5), point(2, 6), point(4, 1)])).toEqual([point(1, 5), point(3, 1)])
})

it('reads budgets', () => {
  expect(parseBudget('3.25bpw')).toEqual({ amount: 3.25, unit: 'bits per weight' })
  expect(parseBudget('3.5 GB')).toEqual({ amount: 3.5e9, unit: 'bytes' })
  expect(parseBudget('40MiB')).toEqual({ amount: 40 * 2 ** 20, unit: 'bytes' })
  for (const text of ['', '3', 'GB', '-1GB', '0bpw', '3 parsecs']) expect(parseBudget(text)).toBeUndefined()
})
