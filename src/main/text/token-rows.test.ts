import { expect, test } from 'vitest'
import { calibrationSamples, evaluationWindows } from './token-rows.ts'

const upTo = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i + 100)

test('windows do not overlap, and the tail is dropped', () => {
  expect(evaluationWindows(upTo(7), { window: 3, bos: 'none' })).toEqual({
    tokens: Int32Array.of(100, 101, 102, 103, 104, 105),
    rows: 2,
    cols: 3,
  })
  expect(evaluationWindows(upTo(7), { window: 3, limit: 1, bos: 'none' }).rows).toBe(1)
})

test('a BOS before the text takes one place', () => {
  const { tokens, rows } = evaluationWindows(upTo(5), { window: 3, bos: 'text', bosId: 1 })
  expect([rows, ...tokens]).toEqual([2, 1, 100, 101, 102, 103, 104])
})

test('a BOS before every window takes a place in each, and no token is lost', () => {
  const { tokens, rows } = evaluationWindows(upTo(5), { window: 3, bos: 'window', bosId: 1 })
  expect([rows, ...tokens]).toEqual([2, 1, 100, 101, 1, 102, 103])
})

test.each([
  ['none', 9, '9 tokens; one window needs 10'],
  ['text', 8, '8 tokens; one window needs 9'],
  ['window', 8, '8 tokens; one window needs 9'],
] as const)('a text shorter than a window is refused with both counts: bos %s', (bos, count, message) => {
  const windows = (length: number) => evaluationWindows(upTo(length), { window: 10, bos, bosId: 1 })
  expect(() => windows(count)).toThrow(message)
  expect(windows(count + 1).rows).toBe(1)
})

test('a BOS that the tokenizer lacks is refused', () => {
  expect(() => evaluationWindows(upTo(9), { window: 3, bos: 'text' })).toThrow('no BOS token')
})

test('samples spread over the whole text without overlap', () => {
  const { tokens, rows, cols } = calibrationSamples(upTo(100), { samples: 4, length: 10 })
  expect([rows, cols]).toEqual([4, 10])
  expect([0, 1, 2, 3].map((row) => tokens[row * 10])).toEqual([100, 125, 150, 175])
  expect(new Set(tokens).size).toBe(40)
})

test('a short text gives as many samples as it holds, and at least one', () => {
  const { tokens, rows } = calibrationSamples(upTo(25), { samples: 4, length: 10 })
  expect(rows).toBe(2)
  expect(new Set(tokens).size).toBe(20)
  expect(() => calibrationSamples(upTo(9), { samples: 4, length: 10 })).toThrow('9 tokens; one sample needs 10')
})
