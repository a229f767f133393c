import { expect, it } from 'vitest'
import { linear, logarithmic, scientific, signed, spread } from './scales.ts'

it('spreads values over the scale', () => {
  const values = [0, 1e-4, 1e-2, 1]
  expect(values.map(logarithmic(values))).toEqual([0, 0, expect.closeTo(0.5), 1])
  expect(values.map(linear(values))).toEqual([0, 1e-4, 1e-2, 1])
  expect([5].map(logarithmic([5]))).toEqual([1])
  expect([0].map(linear([0]))).toEqual([0])
  expect([2, 3, 4].map(spread([2, 3, 4]))).toEqual([0, 0.5, 1])
  expect([3].map(spread([3, 3]))).toEqual([0.5])
  expect([-4, 0, 2].map(signed([-4, 0, 2]))).toEqual([0, 0.5, 0.75])
  expect([0].map(signed([0]))).toEqual([0.5])
})

it('writes powers of ten', () => {
  expect([0, 3.2e-5, 0.08374, 1.5, 20.66, 999.7, 12345].map(scientific)).toEqual([
    '0',
    '3.20·10⁻⁵',
    '0.0837',
    '1.50',
    '20.7',
    '1.00·10³',
    '1.23·10⁴',
  ])
})
