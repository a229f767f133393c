import { expect, it } from 'vitest'
import { parseMemory } from './memory-limit.ts'

it.each([
  ['auto', 0],
  ['8GB', 8e9],
  ['1.5 GiB', 1.5 * 2 ** 30],
  ['50%', 12e9],
  [' 12.5 % ', 3e9],
  ['100%', 24e9],
])('%s of a machine with 24 GB', (text, bytes) => {
  expect(parseMemory(text, 24e9)).toBe(bytes)
})

it.each(['', '8', '0GB', '0%', '101%', '-1GB', '3bpw', 'half', '8GB of it'])('%j is none', (text) => {
  expect(parseMemory(text, 24e9)).toBeUndefined()
})
