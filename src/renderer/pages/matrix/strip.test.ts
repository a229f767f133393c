import { expect, it } from 'vitest'
import { binOf, stripBins, topShare } from './strip.ts'

it('puts neighbours together, each exactly once, and says which of them has the most', () => {
  const bins = stripBins([1, 5, 2, 0, 9, 9, 3], 3)
  expect(bins).toEqual([
    { first: 0, end: 2, top: 1, value: 5 },
    { first: 2, end: 4, top: 2, value: 2 },
    { first: 4, end: 7, top: 4, value: 9 },
  ])
  expect([0, 1, 2, 6].map((channel) => binOf(bins, channel))).toEqual([0, 0, 1, 2])
  expect(stripBins([4, 2], 900)).toHaveLength(2)
  expect(stripBins([], 900)).toEqual([])
})

it('says what the few most sensitive carry', () => {
  expect(topShare([1, 1, 6, 2], 0.25)).toEqual({ count: 1, share: 0.6 })
  expect(topShare([1, 3], 0.01)).toEqual({ count: 1, share: 0.75 })
  expect(topShare([0, 0], 0.5)).toEqual({ count: 1, share: 0 })
})
