import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildFolder, root } from './places.mjs'
import { forget, hashOf, isFresh, remember } from './stamp.mjs'

const folder = join(buildFolder, `test-of-stamps-${process.pid}`)
const inputs = [relative(root, folder)]
const write = (name, text) => writeFileSync(join(folder, name), text)
beforeAll(() => mkdirSync(join(folder, 'node_modules'), { recursive: true }))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the hash follows contents, names and extras, and nothing else', () => {
  write('a.txt', 'one')
  const first = hashOf(inputs)
  write('a.txt', 'one')
  write('.hidden', 'x')
  write('node_modules/a.txt', 'x')
  expect(hashOf(inputs)).toBe(first)
  expect(hashOf(inputs, { also: ['-O3'] })).not.toBe(first)
  write('a.txt', 'two')
  expect(hashOf(inputs)).not.toBe(first)
  write('a.txt', 'one')
  write('b_test.cpp', '')
  expect(hashOf(inputs)).not.toBe(first)
  expect(hashOf(inputs, { skip: (name) => name.endsWith('_test.cpp') })).toBe(first)
})

test('a stamp holds for its hash and as long as what was made is there', () => {
  const name = `test-${process.pid}`
  const output = join(folder, 'made')
  expect(isFresh(name, 'h1', [])).toBe(false)
  remember(name, 'h1')
  expect(isFresh(name, 'h1', [])).toBe(true)
  expect(isFresh(name, 'h2', [])).toBe(false)
  expect(isFresh(name, 'h1', [output])).toBe(false)
  forget(name)
  expect(isFresh(name, 'h1', [])).toBe(false)
})
