import { expect, it } from 'vitest'
import { weightWords } from './words.ts'

it('writes weights with their sign', () => {
  expect([0, 0.5, -0.03125, 0.004321, -2e-7].map(weightWords)).toEqual([
    '0',
    '0.500',
    '\u22120.0313',
    '0.00432',
    '\u22122.00·10⁻⁷',
  ])
})
