import { expect, it } from 'vitest'
import { costOfRecipe, makeErrorTable } from './error-table.ts'
import { chooserOf, choiceOf, recipeKey, recipeOf } from './plan.ts'

const base = { method: 'squeezellm', outliers: 'paper', solver: 'exact', weighting: 'fisher' } as const

it('takes the last override that names a field', () => {
  const recipe = {
    ...base,
    bits: 3,
    sparsity: 0.01,
    overrides: [
      { match: '*.q', bits: 4 },
      { match: 'a.*', sparsity: 0 },
      { match: 'b.*', bits: 16 },
    ],
  }
  expect(choiceOf(recipe, 'a.q.weight')).toEqual({ bits: 4, sparsity: 0 })
  expect(choiceOf(recipe, 'c.k.weight')).toEqual({ bits: 3, sparsity: 0.01 })
  expect(choiceOf(recipe, 'b.k.weight')).toEqual({ bits: 16, sparsity: 0 })
})

it('looks names up and compares patterns, in the order in which they stand', () => {
  const overrides = [
    { match: 'a.q', bits: 5 },
    { match: 'a.*', bits: 4, sparsity: 0.02 },
    { match: 'a.q', sparsity: 0 },
    { match: 'b.q', bits: 2 },
    { match: '?.q', sparsity: 0.001 },
  ]
  const choose = chooserOf({ bits: 3, sparsity: 0.01, overrides })
  expect(choose('a.q.weight')).toEqual({ bits: 4, sparsity: 0.001 })
  expect(choose('a.k.weight')).toEqual({ bits: 4, sparsity: 0.02 })
  expect(choose('b.q.weight')).toEqual({ bits: 2, sparsity: 0.001 })
  expect(choose('b.k.weight')).toEqual({ bits: 3, sparsity: 0.01 })
})

it('writes choices as a recipe that reads back as them', () => {
  const choices = [
    { name: 'a.weight', choice: { bits: 3, sparsity: 0.01 } },
    { name: 'b.weight', choice: { bits: 3, sparsity: 0.01 } },
    { name: 'c.weight', choice: { bits: 16, sparsity: 0 } },
    { name: 'd.weight', choice: { bits: 3, sparsity: 0 } },
  ]
  const recipe = recipeOf(base, choices)
  expect(recipe).toMatchObject({ bits: 3, sparsity: 0.01 })
  expect(recipe.overrides).toEqual([
    { match: 'c', bits: 16 },
    { match: 'd', sparsity: 0 },
  ])
  for (const { name, choice } of choices) expect(choiceOf(recipe, name)).toEqual(choice)
  expect(recipeOf(base, choices.slice(0, 2)).overrides).toBeUndefined()
})

it('does not ask which weights are kept where none are', () => {
  const dense = { ...base, bits: 3, sparsity: 0 }
  expect(recipeKey({ ...dense, outliers: 'loss-aware' })).toBe(recipeKey({ ...dense, outliers: 'paper' }))
  const some = { ...dense, overrides: [{ match: '*.down_proj', sparsity: 0.01 }] }
  expect(recipeKey({ ...some, outliers: 'loss-aware' })).not.toBe(recipeKey({ ...some, outliers: 'paper' }))
})

it('tells a refined recipe from one that is not, and predicts nothing of it', () => {
  const recipe = { ...base, bits: 3, sparsity: 0 }
  expect(recipeKey({ ...recipe, refine: 0 })).toBe(recipeKey(recipe))
  expect(recipeKey({ ...recipe, refine: 20 })).not.toBe(recipeKey(recipe))
  expect(recipeKey({ ...recipe, refine: 20 })).not.toBe(recipeKey({ ...recipe, refine: 40 }))
  const matrix = { name: 'a.weight', layer: 0, role: 'q', weights: 64, denseBytes: 128 }
  const table = makeErrorTable([{ ...matrix, cells: [{ bits: 3, sparsity: 0, objective: 1, sizeBytes: 40 }] }], 0)
  expect(costOfRecipe(table, { ...recipe, refine: 0 })).toMatchObject({ objective: 1 })
  expect(costOfRecipe(table, { ...recipe, refine: 20 })).toBeUndefined()
})

it('tells recipes apart that differ beyond the paper, and takes a silent field for its default', () => {
  const recipe = { ...base, bits: 3, sparsity: 0 }
  expect(recipeKey({ ...recipe, group: 0, share: 1, embeddingBits: 16 })).toBe(recipeKey(recipe))
  const keys = [{}, { share: 2 }, { share: 4 }, { group: 64 }, { embeddingBits: 8 }, { headBits: 8 }]
  expect(new Set(keys.map((fields) => recipeKey({ ...recipe, ...fields }))).size).toBe(keys.length)
})
