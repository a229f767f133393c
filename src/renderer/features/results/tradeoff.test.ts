import fc from 'fast-check'
import { expect, it } from 'vitest'
import { perplexityTicks, sizeAxis, tickFormat, type Point } from './tradeoff.ts'

const point = (sizeBytes: number, perplexity: number): Point => ({
  key: '',
  label: '',
  series: 'other',
  sizeBytes,
  perplexity,
})

it('names the axis of sizes in a unit that reads well', () => {
  expect(sizeAxis([point(16_900_000, 6)])).toMatchObject({ unit: 'MB', max: 20, ticks: [0, 5, 10, 15, 20] })
  expect(sizeAxis([point(13.4e9, 6)]).unit).toBe('GB')
})

it('is linear for near perplexities and logarithmic for far ones', () => {
  expect(perplexityTicks([point(1, 6.4), point(1, 9.5)]).scale).toBe('linear')
  expect(perplexityTicks([point(1, 6), point(1, 900)])).toMatchObject({
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
      const { domain, ticks } = perplexityTicks(values.map((value) => point(1, value)))
      expect(domain[0]).toBeLessThanOrEqual(Math.min(...values))
      expect(domain[1]).toBeGreaterThanOrEqual(Math.max(...values))
      expect(ticks.length).toBeGreaterThan(1)
      expect(ticks.length).toBeLessThan(24)
    }),
  )
})
