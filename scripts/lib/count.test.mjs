import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { add, countDoctest, countPlaywright, countVitest, none, summaryLine } from './count.mjs'

const folder = mkdtempSync(join(tmpdir(), 'squeeze-count-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const report = (value) => {
  writeFileSync(join(folder, 'report.json'), JSON.stringify(value))
  return join(folder, 'report.json')
}

test('doctest: what it says, and what its cases said they skip', () => {
  const output = [
    'SKIPPED golden: not in shared',
    'SKIPPED 1 checks for want of shared data',
    '[doctest] test cases:  12 |  11 passed | 1 failed | 2 skipped',
    '[doctest] assertions: 90 | 89 passed | 1 failed |',
  ].join('\n')
  expect(countDoctest(output)).toEqual({ passed: 11, failed: 1, skipped: 3 })
  expect(countDoctest('Segmentation fault')).toBeUndefined()
})

test('vitest: a file that does not load is a failure', () => {
  const testResults = [
    { status: 'failed', assertionResults: [] },
    { status: 'failed', assertionResults: [{}] },
  ]
  const counts = countVitest(report({ numPassedTests: 5, numFailedTests: 1, numPendingTests: 2, testResults }))
  expect(counts).toEqual({ passed: 5, failed: 2, skipped: 2 })
  expect(countVitest(join(folder, 'none.json'))).toBeUndefined()
})

test('Playwright: a flaky test has passed, an error outside of tests has not', () => {
  const stats = { expected: 3, unexpected: 1, flaky: 1, skipped: 2 }
  expect(countPlaywright(report({ stats, errors: [{}] }))).toEqual({ passed: 4, failed: 2, skipped: 2 })
})

test('the last line', () => {
  expect(summaryLine(add({ passed: 1, failed: 2, skipped: 0 }, none))).toBe('1 passed, 2 failed')
  expect(summaryLine({ passed: 1, failed: 0, skipped: 3 })).toBe('1 passed, 0 failed, 3 skipped')
})
