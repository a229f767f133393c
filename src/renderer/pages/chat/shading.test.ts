import { expect, test } from 'vitest'
import { fold, levelOf, tokenWords } from './shading.ts'

test('a divergence belongs to the step that it has reached', () => {
  expect([-1e-16, 0, 0.0099, 0.01, 0.19, 0.2, 0.99, 1, 40].map(levelOf)).toEqual([0, 0, 0, 1, 2, 3, 3, 4, 4])
})

test('a long answer is seen from its end, and every token is in one part', () => {
  expect(fold(30, 0, 100)).toEqual({ start: 0, end: 30 })
  expect(fold(250, 0, 100)).toEqual({ start: 150, end: 250 })
  expect(fold(250, 1, 100)).toEqual({ start: 50, end: 150 })
  expect(fold(250, 2, 100)).toEqual({ start: 0, end: 100 })
  expect(fold(0, 0, 100)).toEqual({ start: 0, end: 0 })
})

test('tokens without a shape have a name', () => {
  expect(tokenWords('')).toBe('part of a character')
  expect(tokenWords(' a\n')).toBe('“ a⏎”')
})
