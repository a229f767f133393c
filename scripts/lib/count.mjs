import { existsSync, readFileSync } from 'node:fs'

/** Counts of tests: { passed, failed, skipped }. */
export const none = { passed: 0, failed: 0, skipped: 0 }

export function add(a, b) {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }
}

/** The last line that a test run prints. */
export function summaryLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`
}

/**
 * doctest's "test cases: 12 | 11 passed | 1 failed | 0 skipped", and every check that a case has left out for want of
 * its data, of which it prints a line "SKIPPED what: why". undefined where there is no such summary.
 */
export function countDoctest(output) {
  const plain = output.replace(/\x1b\[[0-9;]*m/g, '')
  const match = /test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed\s*\|\s*(\d+) skipped/.exec(plain)
  if (!match) return undefined
  const said = plain.match(/^SKIPPED(?! \d+ checks)[ :]/gm)?.length ?? 0
  return { passed: Number(match[1]), failed: Number(match[2]), skipped: Number(match[3]) + said }
}

/** vitest's JSON report; undefined where there is none. A file that cannot be loaded counts as one failure. */
export function countVitest(path) {
  const report = readJson(path)
  if (!report) return undefined
  const broken = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken,
    skipped: report.numPendingTests + (report.numTodoTests ?? 0),
  }
}

/** Playwright's JSON report; undefined where there is none. */
export function countPlaywright(path) {
  const report = readJson(path)
  if (!report) return undefined
  const { expected, unexpected, flaky, skipped } = report.stats
  return { passed: expected + flaky, failed: unexpected + (report.errors?.length ?? 0), skipped }
}

function readJson(path) {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : undefined
}
