import { expect, it } from 'vitest'
import { diverging } from './diverging.ts'

it('runs from blue through grey to orange', () => {
  expect([-1, 0, 0.25, 0.5, 0.75, 1, 2].map(diverging)).toEqual([
    'rgb(33 102 172)',
    'rgb(33 102 172)',
    'rgb(124 160 197)',
    'rgb(214 217 221)',
    'rgb(197 153 114)',
    'rgb(179 88 6)',
    'rgb(179 88 6)',
  ])
})
