import fc from 'fast-check'
import { expect, it } from 'vitest'
import { linearTicks, logTicks, perplexityTicks, sizeTicks, tickFormat } from './ticks.ts'

it('names the axis of sizes in a unit that reads well', () => {
  expect(sizeTicks([16_900_000])).toMatchObject({ unit: 'MB', max: 20, ticks: [0, 5, 10, 15, 20] })
  expect(sizeTicks([13.4e9]).unit).toBe('GB')
})

it('is linear for near perplexities and logarithmic for far ones', () => {
  expect(perplexityTicks([6.4, 9.5]).scale).toBe('linear')
  expect(perplexityTicks([6, 900])).toMatchObject({
    scale: 'log',
    ticks: [5, 10, 20, 50, 100, 200, 500, 1000],
  })
})

it('writes ticks with the same decimals', () => {
  expect([2, 2.025, 2.05].map(tickFormat([2, 2.025, 2.05]))).toEqual(['2.000', '2.025', '2.050'])
  expect([5, 10].map(tickFormat([5, 10]))).toEqual(['5', '10'])
})

it('holds every point inside, with few ticks', () => {
  const positive = fc.double({ min: 1.001, max: 1e6, noNaN: true })
  fc.assert(
    fc.property(fc.array(positive, { minLength: 1, maxLength: 9 }), (values) => {
      const { domain, ticks } = perplexityTicks(values)
      expect(domain[0]).toBeLessThanOrEqual(Math.min(...values))
      expect(domain[1]).toBeGreaterThanOrEqual(Math.max(...values))
      expect(ticks.length).toBeGreaterThan(1)
      expect(ticks.length).toBeLessThan(24)
    }),
  )
})

it('keeps to round numbers between two, and to powers where there are many', () => {
  expect(linearTicks(2.1, 5.9, 8)).toEqual([2.5, 3, 3.5, 4, 4.5, 5, 5.5])
  expect(linearTicks(2, 6, 4)).toEqual([2, 3, 4, 5, 6])
  expect(logTicks(0.0003, 4).ticks).toEqual([0.0001, 0.001, 0.01, 0.1, 1, 10])
  expect(logTicks(0.03, 0.9).ticks).toEqual([0.02, 0.05, 0.1, 0.2, 0.5, 1])
})
