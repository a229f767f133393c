import { expect, it } from 'vitest'
import { median, spearman } from './statistics.ts'

it('correlates ranks, not sizes', () => {
  expect(spearman([1, 2, 3, 4], [1, 10, 100, 1e6])).toBe(1)
  expect(spearman([1, 2, 3, 4], [4, 3, 2, 1])).toBe(-1)
  // By hand: ranks 0, 1.5, 1.5, 3 and 0, 2, 1, 3.
  expect(spearman([1, 2, 2, 3], [5, 7, 6, 8])).toBeCloseTo(4.5 / Math.sqrt(4.5 * 5), 12)
})

it('takes the middle', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 2, 3])).toBe(2.5)
})
