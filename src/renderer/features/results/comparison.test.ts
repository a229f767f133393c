import { describe, expect, it } from 'vitest'
import type { EvaluationSummary, ResultSummary } from '../../../shared/contract/studio/index.ts'
import { compareOn, perplexityChange, stampsOf, stampWords } from './comparison.ts'

const stamp = (key: string) => ({
  key,
  textName: `${key}.txt`,
  textHash: key,
  windowLength: 512,
  windows: 40,
  tokens: 20_440,
  bos: 'none',
  precision: 'fp32' as const,
})
const evaluation = (id: number, key: string, perplexity: number | undefined, resultId?: number): EvaluationSummary => ({
  id,
  resultId,
  perplexity,
  diverged: perplexity === undefined,
  stamp: stamp(key),
  createdAtMs: id,
})
const result = (id: number, sizeBytes: number) => ({ id, sizeBytes, createdAtMs: id }) as ResultSummary

describe('comparison', () => {
  const results = [result(1, 300), result(2, 200)]
  const evaluations = [
    evaluation(4, 'b', 30, 1),
    evaluation(3, 'a', 9, 1),
    evaluation(2, 'a', 10, 1),
    evaluation(1, 'a', 8),
  ]

  it('offers the stamp that covers most models first', () => {
    expect(stampsOf(evaluations).map(({ stamp, models }) => [stamp.key, models])).toEqual([
      ['a', 2],
      ['b', 1],
    ])
  })

  it('sets side by side only what has one stamp, the latest of each model, smallest first', () => {
    const { before, rows } = compareOn({ results, evaluations }, 'a')
    expect(before).toBe(8)
    expect(rows.map(({ result, evaluation }) => [result.id, evaluation?.perplexity])).toEqual([
      [2, undefined],
      [1, 9],
    ])
  })

  it('has no number before where the checkpoint was measured in another way', () => {
    const { before, rows } = compareOn({ results, evaluations }, 'b')
    expect(before).toBeUndefined()
    expect(perplexityChange(before, rows[1]?.evaluation?.perplexity)).toBeUndefined()
  })

  it('takes what was measured beside a result for the number before', () => {
    const beside = [{ ...evaluation(5, 'c', 9, 1), againstPerplexity: 7 }]
    expect(compareOn({ results, evaluations: beside }, 'c').before).toBe(7)
  })

  it('gives the relative rise, and none for what diverged', () => {
    expect(perplexityChange(8, 10)).toBeCloseTo(0.25)
    expect(perplexityChange(8, undefined)).toBeUndefined()
  })

  it('says how a number was measured', () => {
    expect(stampWords(stamp('a'))).toBe('a.txt · 40 windows of 512 tokens · 20,440 predicted · no BOS · fp32')
  })
})
