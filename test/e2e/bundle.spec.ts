import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from '@playwright/test'
import { skipWhere } from './support/skip.ts'
import { root } from './support/studio.ts'

const LIMIT_BYTES = 350_000

test('everything the page loads, compressed, stays within its budget', () => {
  const folder = join(root, 'out', 'renderer')
  skipWhere(!existsSync(folder), 'the studio is not built')
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const bytes = files.map(({ parentPath, name }) => gzipSync(readFileSync(join(parentPath, name))).length)
  expect(bytes.reduce((sum, each) => sum + each, 0)).toBeLessThan(LIMIT_BYTES)
})
