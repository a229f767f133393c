import { expect, it } from 'vitest'
import { chooserOf, choiceOf, recipeOf } from './plan.ts'

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
