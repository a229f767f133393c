import { expect, test } from 'vitest'
import type { Contestant } from './contestants.ts'
import type { Comparison } from './goals.ts'
import { median, speedKey, verdictsOf, verdictTable, type Round } from './verdicts.ts'

const ours: Contestant = { engine: 'squeeze', model: '4', simd: 'auto' }
const q4: Contestant = { engine: 'llama.cpp', model: 'Q4_0', simd: 'auto' }
const nl: Contestant = { engine: 'llama.cpp', model: 'IQ4_NL', simd: 'auto' }
const goal = { oneThread: 1.5, twoThreads: 3 }
const against: Comparison = { kind: 'ratio', label: 'ours / best', task: 'prompt', ours, against: [q4, nl], goal }
const share: Comparison = { kind: 'bandwidth share', label: 'share', task: 'prompt', ours, goal }

function round(threads: number, us: number | undefined, q4Speed: number, nlSpeed: number): Round {
  const entries: [Contestant, number | undefined][] = [
    [ours, us],
    [q4, q4Speed],
    [nl, nlSpeed],
  ]
  const speeds: Round['speeds'] = {}
  for (const [contestant, tokensPerSecond] of entries)
    if (tokensPerSecond !== undefined)
      speeds[speedKey(contestant, 'prompt')] = { tokensPerSecond, bandwidthShare: tokensPerSecond / 100 }
  return { threads, speeds }
}

test('compares with the fastest opponent, round by round, against the goal of the thread count', () => {
  const rounds = [round(1, 40, 30, 10), round(1, 10, 4, 2), round(1, 60, 20, 80), round(2, 50, 20, 30)]
  const [one, two] = verdictsOf([against], rounds)
  // Q4_0 is the faster by median (20 against 10); the ratios are 1.33, 2.5 and 3, and not 40 / 20.
  expect(one).toMatchObject({ threads: 1, ours: 40, peer: 20, against: 'llama.cpp Q4_0', ratio: 2.5, goal: 1.5 })
  expect(one).toMatchObject({ lowest: 40 / 30, highest: 3, reached: true })
  expect(two).toMatchObject({ threads: 2, against: 'llama.cpp IQ4_NL', ratio: 50 / 30, goal: 3, reached: false })
})

test('takes a share of the bandwidth as it was measured', () => {
  const [verdict] = verdictsOf([share], [round(1, 40, 20, 10), round(1, 80, 20, 10), round(1, 60, 20, 10)])
  expect(verdict).toMatchObject({ ours: 60, ratio: 0.6, lowest: 0.4, highest: 0.8, reached: false })
  expect(verdict?.peer).toBeUndefined()
})

test('gives no verdict where a side was not measured', () => {
  const [verdict] = verdictsOf([against], [round(1, undefined, 20, 10)])
  expect(verdict).toMatchObject({ peer: 20, ratio: undefined, reached: undefined })
  expect(verdictTable(verdictsOf([against], [round(1, undefined, 20, 10)]))).toMatch(/ – +\|$/)
})

test('has no goal for other thread counts', () => {
  const [verdict] = verdictsOf([against], [round(4, 40, 20, 10)])
  expect(verdict).toMatchObject({ ratio: 2, goal: undefined, reached: undefined })
})

test('takes the middle, or the mean of the two in the middle', () => {
  expect(median([3, 1, 2])).toBe(2)
  expect(median([4, 1, 3, 2])).toBe(2.5)
  expect(median([])).toBeUndefined()
})
