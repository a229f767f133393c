import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { JobSummary, StudioNotice } from '../../shared/contract/studio/index.ts'
import { watchChanges } from './watch.ts'

const EVERY_MS = 1000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function world() {
  const state = { version: 1, jobs: [] as JobSummary[], lost: 0 }
  const heard: StudioNotice[] = []
  const subscribe = watchChanges(
    { dataVersion: () => state.version, jobs: () => state.jobs, endLostJobs: () => void (state.lost += 1) },
    EVERY_MS,
  )
  const change = (jobs: JobSummary[]) => Object.assign(state, { version: state.version + 1, jobs })
  return { state, heard, change, stop: subscribe((notice) => heard.push(notice)), subscribe }
}

const job = (state: JobSummary['state'], fraction: number): JobSummary => ({
  id: 1,
  kind: 'evaluation',
  state,
  fraction,
  retryable: false,
  startedAtMs: 0,
})

it('says nothing while nothing changes', () => {
  const { heard } = world()
  vi.advanceTimersByTime(5 * EVERY_MS)
  expect(heard).toEqual([])
})

it('tells progress as the job alone, its end as a change of the project too', () => {
  const { heard, change } = world()
  change([job('running', 0.5)])
  vi.advanceTimersByTime(EVERY_MS)
  expect(heard.splice(0).map(({ event }) => event)).toEqual(['job.changed'])
  change([job('done', 1)])
  vi.advanceTimersByTime(EVERY_MS)
  expect(heard.map(({ event }) => event)).toEqual(['job.changed', 'project.changed'])
})

it('tells of what is no job', () => {
  const { heard, change } = world()
  change([])
  vi.advanceTimersByTime(EVERY_MS)
  expect(heard).toEqual([{ event: 'project.changed', payload: {} }])
})

it('looks for lost jobs only while one runs, and not at all when nobody listens', () => {
  const { state, change, stop } = world()
  vi.advanceTimersByTime(3 * EVERY_MS)
  expect(state.lost).toBe(0)
  change([job('running', 0)])
  vi.advanceTimersByTime(3 * EVERY_MS)
  expect(state.lost).toBe(2)
  stop()
  vi.advanceTimersByTime(3 * EVERY_MS)
  expect(state.lost).toBe(2)
})
