import { expect, it } from 'vitest'
import { recordsOf, toCsv, toJson } from './table-text.ts'

type Row = { name: string; size?: number }
const columns = [
  { name: 'name', of: ({ name }: Row) => name },
  { name: 'size_bytes', of: ({ size }: Row) => size },
]

it.each([
  ['plain', 'plain'],
  ['a, b', '"a, b"'],
  ['say "so"', '"say ""so"""'],
  ['two\nlines', '"two\nlines"'],
  [' kept ', '" kept "'],
  ['', ''],
  ['=1+1', "'=1+1"],
  ['@sum,1', `"'@sum,1"`],
  ['3-bit', '3-bit'],
])('writes %j as %s', (name, cell) =>
  expect(toCsv(recordsOf([{ name }], columns))).toBe(`name,size_bytes\r\n${cell},\r\n`),
)

it('keeps every digit of a number, and its sign', () => {
  const text = toCsv(recordsOf([{ name: 'a', size: -0.1 + 0.3 }], columns))
  expect(text).toBe('name,size_bytes\r\na,0.19999999999999998\r\n')
  expect(toCsv([{ name: 'a', size: -2, gone: null, kept: true }])).toBe('name,size,gone,kept\r\na,-2,,true\r\n')
})

it('writes a table without rows, and the same table as JSON', () => {
  expect(toCsv([], ['name', 'size_bytes'])).toBe('name,size_bytes\r\n')
  expect(JSON.parse(toJson(recordsOf([{ name: 'a, "b"', size: 3 }, { name: 'c' }], columns)))).toEqual([
    { name: 'a, "b"', size_bytes: 3 },
    { name: 'c' },
  ])
})
