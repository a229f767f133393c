import { describe, expect, it } from 'vitest'
import type {
  EvaluationSummary,
  Project,
  ResultMatrix,
  SpeedSummary,
  Stamp,
} from '../../../shared/contract/studio/index.ts'
import { contender, pairMatrices, pairMeasurements, pairSpeeds, stampDifferences } from './pairing.ts'

const stamp = (key: string, change: Partial<Stamp> = {}): Stamp => ({
  key,
  textName: 'a.txt',
  textHash: 'a',
  windowLength: 512,
  windows: 40,
  tokens: 20_440,
  bos: 'none',
  precision: 'fp32',
  ...change,
})
const evaluation = (id: number, by: Stamp, resultId?: number, more: Partial<EvaluationSummary> = {}) =>
  ({ id, resultId, perplexity: id, diverged: false, stamp: by, createdAtMs: id, ...more }) as EvaluationSummary
const results = [{ id: 1 }, { id: 2 }] as Project['results']

describe('pairing measurements', () => {
  it('sets side by side what has one stamp, and says of the rest why it cannot be compared', () => {
    const evaluations = [
      evaluation(10, stamp('x'), 1),
      evaluation(11, stamp('x'), 1),
      evaluation(12, stamp('x'), 2),
      evaluation(13, stamp('y', { windowLength: 128, tokens: 5080 }), 1),
      evaluation(14, stamp('z', { precision: 'bf16' }), 2),
    ]
    const { shared, lone } = pairMeasurements({ results, evaluations }, [1, 2])
    expect(shared.map((each) => [each.stamp.key, ...each.measured.map(({ perplexity }) => perplexity)])).toEqual([
      ['x', 11, 12],
    ])
    expect(lone.map(({ stamp: { key }, which, why }) => [key, which, why])).toEqual([
      ['z', 1, 'the other was measured with fp32 products'],
      ['y', 0, 'the other was measured with windows of 512 tokens'],
    ])
  })

  it('takes the checkpoint by itself, or as it was measured beside a result', () => {
    const evaluations = [
      evaluation(10, stamp('x'), 1, { againstPerplexity: 7 }),
      evaluation(11, stamp('y'), 1),
      evaluation(12, stamp('y')),
    ]
    const { shared } = pairMeasurements({ results, evaluations }, ['checkpoint', 1])
    expect(shared.map((each) => [each.stamp.key, each.measured[0].perplexity])).toEqual([
      ['y', 12],
      ['x', 7],
    ])
    expect(shared.map(({ measured }) => measured[0])).toMatchObject(Array(2).fill({ klMean: 0, top1Agreement: 1 }))
  })

  it('says so when one was never measured', () => {
    const { shared, lone } = pairMeasurements({ results, evaluations: [evaluation(10, stamp('x'), 2)] }, [1, 2])
    expect(shared).toEqual([])
    expect(lone.map(({ why }) => why)).toEqual(['the other was never measured'])
  })

  it('names every difference of two stamps', () => {
    expect(stampDifferences(stamp('a'), stamp('b', { textHash: 'b', textName: 'b.txt', bos: 'window' }))).toEqual([
      'another text, b.txt',
      'BOS before the window',
    ])
    expect(stampDifferences(stamp('a'), stamp('b', { windows: 2, tokens: 1022 }))).toEqual(['2 windows, 1,022 tokens'])
  })
})

it('sets side by side speeds of the same conditions alone', () => {
  const speed = (key: string, resultId?: number) => ({ key, resultId, conditions: key }) as SpeedSummary
  const speeds = [speed('fast', 1), speed('fast'), speed('slow', 1), speed('other', 2)]
  expect(pairSpeeds(['checkpoint', 1], speeds).map(({ conditions }) => conditions)).toEqual(['fast'])
  expect(pairSpeeds([1, 2], speeds)).toEqual([])
})

it('pairs matrices by name, and those of the checkpoint with no error', () => {
  const matrix = (name: string, sizeBytes: number) =>
    ({ name, sizeBytes, rows: 4, cols: 4, relativeError: 0.1, checkpointSizeBytes: 32 }) as ResultMatrix
  expect(pairMatrices([matrix('a', 9)], [matrix('a', 6), matrix('b', 6)])).toMatchObject([
    { name: 'a', sides: [{ sizeBytes: 9 }, { sizeBytes: 6 }] },
  ])
  expect(pairMatrices('checkpoint', [matrix('a', 6)])).toMatchObject([
    {
      sides: [
        { sizeBytes: 32, bitsPerWeight: 16, relativeError: 0 },
        { sizeBytes: 6, relativeError: 0.1 },
      ],
    },
  ])
})

it('knows no result that is not there', () => {
  expect(contender({ results: [], checkpoint: {} } as unknown as Project, 7)).toBeUndefined()
})
