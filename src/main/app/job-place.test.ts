import { expect, test } from 'vitest'
import type { JobSummary, ResultSummary } from '../../shared/contract/studio/index.ts'
import { jobPlace } from './job-place.ts'

const job: JobSummary = {
  id: 1,
  projectId: 4,
  kind: 'quantization',
  state: 'done',
  fraction: 1,
  retryable: false,
  startedAtMs: 100,
}
const results = [
  { id: 7, createdAtMs: 300 },
  { id: 6, createdAtMs: 150 },
  { id: 5, createdAtMs: 50 },
] as ResultSummary[]

test('a squeeze leads to the result that it made, anything else to the page of its kind', () => {
  expect(jobPlace(job, results)).toBe('#/projects/4/results/6')
  expect(jobPlace(job, [])).toBe('#/projects/4')
  expect(jobPlace({ ...job, kind: 'calibration' }, results)).toBe('#/projects/4/sensitivity')
  expect(jobPlace({ ...job, kind: 'benchmark' }, results)).toBe('#/projects/4/speed')
  expect(jobPlace({ ...job, kind: 'evaluation' }, results)).toBe('#/projects/4')
  expect(jobPlace({ ...job, state: 'failed' }, results)).toBe('#/projects/4')
  expect(jobPlace({ ...job, projectId: undefined }, [])).toBe('#/')
})
