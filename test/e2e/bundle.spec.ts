import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from '@playwright/test'
import { skipWhere } from './support/skip.ts'
import { root } from './support/studio.ts'

const folder = join(root, 'out', 'renderer')
const compressed = (path: string) => gzipSync(readFileSync(path)).length
const sum = (sizes: number[]) => sizes.reduce((total, each) => total + each, 0)

/** The charts' library comes with the first page that draws one. */
const FIRST_LIMIT_BYTES = 350_000
const ALL_LIMIT_BYTES = 450_000

test('what the first page loads, compressed, stays within its budget', () => {
  skipWhere(!existsSync(folder), 'the studio is not built')
  const html = readFileSync(join(folder, 'index.html'), 'utf8')
  const named = [...html.matchAll(/(?:src|href)="([^"]+\.(?:js|css|svg))"/g)].map(([, path = '']) => join(folder, path))
  const fonts = readdirSync(join(folder, 'assets')).filter((name) => name.endsWith('.woff2'))
  const files = [join(folder, 'index.html'), ...named, ...fonts.map((name) => join(folder, 'assets', name))]
  expect(named.length).toBeGreaterThan(1)
  expect(sum(files.map(compressed))).toBeLessThan(FIRST_LIMIT_BYTES)
})

test('all that any page loads, compressed, stays within its budget', () => {
  skipWhere(!existsSync(folder), 'the studio is not built')
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(
    (entry) => entry.isFile() && entry.name !== 'license.md',
  )
  expect(sum(files.map(({ parentPath, name }) => compressed(join(parentPath, name))))).toBeLessThan(ALL_LIMIT_BYTES)
})
