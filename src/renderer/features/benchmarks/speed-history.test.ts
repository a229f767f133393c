import { expect, it } from 'vitest'
import type { ResultSummary } from '../../../shared/contract/studio/index.ts'
import { setupKey, type Measurement } from './measurements.ts'
import { keptApart, tracesOf } from './speed-history.ts'

const recipe = { method: 'rtn', bits: 3, sparsity: 0, outliers: 'paper', solver: 'exact', weighting: 'none' } as const
const results = [{ id: 7, recipe } as ResultSummary]

function measurement(createdAtMs: number, resultId: number | undefined, threads = 2): Measurement {
  return {
    ...(resultId === undefined ? {} : { resultId }),
    readBandwidth: { threads },
    tokensPerSecond: { median: createdAtMs * 10, min: createdAtMs, max: createdAtMs * 20 },
    createdAtMs,
  } as Measurement
}

it('gives each model its course, oldest first, of one way of measuring', () => {
  const measurements = [measurement(4, undefined, 1), measurement(3, 7), measurement(2, undefined), measurement(1, 7)]
  const key = setupKey(measurement(0, undefined))
  expect(tracesOf(measurements, results, key)).toMatchObject([
    {
      id: 7,
      name: 'RTN 3-bit',
      series: 'rtn',
      points: [
        { atMs: 1, tokensPerSecond: 10, spread: [1, 20] },
        { atMs: 3, tokensPerSecond: 30 },
      ],
    },
    { id: 0, name: 'Checkpoint', series: 'checkpoint', points: [{ atMs: 2 }] },
  ])
})

it('gives nothing while no model was measured twice, and nothing of results that are gone', () => {
  const key = setupKey(measurement(0, undefined))
  expect(tracesOf([measurement(2, 7), measurement(1, undefined)], results, key)).toEqual([])
  expect(tracesOf([measurement(2, 8), measurement(1, 8)], results, key)).toEqual([])
})

it('keeps labels apart, and those that are apart where they are', () => {
  const placed = keptApart([{ y: 30 }, { y: 10 }, { y: 12 }, { y: 11 }], 8)
  expect(placed).toEqual([{ y: 10 }, { y: 18 }, { y: 26 }, { y: 34 }])
  expect(keptApart([{ y: 0 }, { y: 20 }], 8)).toEqual([{ y: 0 }, { y: 20 }])
})
