import { expect, it } from 'vitest'
import { histogramOf, rebin, roundTicks } from './histogram.ts'

it('keeps counts when bins are put together, and shares them out when they are cut', () => {
  const histogram = { low: 0, high: 4, counts: [1, 2, 3, 4] }
  expect(rebin(histogram, 0, 4, 2)).toEqual([3, 7])
  expect(rebin(histogram, 0, 4, 8)).toEqual([0.5, 0.5, 1, 1, 1.5, 1.5, 2, 2])
  expect(rebin(histogram, 1, 3, 1)).toEqual([5])
  expect(rebin(histogram, -4, 8, 3)).toEqual([0, 10, 0])
  expect(rebin({ low: 1, high: 1, counts: [9, 0] }, 0, 2, 2)).toEqual([0, 9])
})

it('counts values, the highest in the last bin', () => {
  expect(histogramOf([0, 0.5, 1, 2, -1, 3], 0, 2, 2).counts).toEqual([2, 2])
  expect(histogramOf([5, 5], 5, 5, 4).counts).toEqual([2, 0, 0, 0])
})

it('finds round numbers', () => {
  expect(roundTicks(-0.11, 0.11, 5).map((tick) => tick.toFixed(2))).toEqual(['-0.10', '-0.05', '0.00', '0.05', '0.10'])
  expect(roundTicks(0, 100, 4)).toEqual([0, 50, 100])
  expect(roundTicks(3, 3, 4)).toEqual([3])
})
