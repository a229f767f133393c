import { expect, it } from 'vitest'
import type { MatrixErrors } from '../contract/sidecar/sweep.ts'
import { parseBudget } from './budget.ts'
import { costOf, costOfRecipe, makeErrorTable } from './error-table.ts'
import { frontOf, gridRecipes, nextRecipes } from './grid.ts'
import { learnPredictor, predict } from './predict.ts'

it('begins with the second order, and says that it extrapolates', () => {
  const predictor = learnPredictor([], 100)
  expect(predict(predictor, 20)).toEqual({ deltaNll: 0.1, low: undefined, high: undefined, extrapolates: true })
})

it('learns a scale from a few points, and an exponent from more', () => {
  const truth = (objective: number) => 0.3 * (objective / 200) ** 1.4
  const points = [1, 10, 100, 1000, 5000].map((objective) => ({ objective, deltaNll: truth(objective) }))
  const two = learnPredictor(points.slice(0, 2), 100)
  expect(two.exponent).toBe(1)
  const all = learnPredictor(points, 100)
  expect(all.exponent).toBeCloseTo(1.4, 6)
  expect(all.scale).toBeCloseTo(0.3, 6)
  const between = predict(all, 300)
  expect(between.deltaNll).toBeCloseTo(truth(300), 9)
  expect(between.extrapolates).toBe(false)
  expect(predict(all, 6000).extrapolates).toBe(true)
  expect(between.low).toBeLessThan(between.deltaNll)
})

it('has a band that covers what it learnt from, two deviations wide', () => {
  const points = [1, 3, 10, 30, 100, 300].map((objective, i) => ({
    objective,
    deltaNll: (objective / 200) * (i % 2 ? 1.2 : 1 / 1.2),
  }))
  const predictor = learnPredictor(points, 100)
  for (const { objective, deltaNll } of points) {
    const { low, high } = predict(predictor, objective)
    expect(low).toBeLessThan(deltaNll)
    expect(high).toBeGreaterThan(deltaNll)
  }
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
