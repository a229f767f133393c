/** A folder for one test file, gone when it is done. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'

export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-contract-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Rows of tokens that any vocabulary of at least 256 holds. */
export const tokenRows = (rows: number, length: number) =>
  Array.from({ length: rows }, (_, row) => Array.from({ length }, (_, at) => (7 * at + 31 * row + at * at) % 251))
