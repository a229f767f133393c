import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { JobSummary } from '../../shared/contract/studio/index.ts'
import { endingWords, LONG_MS, SETTLE_MS, watchEndings, type Ending } from './endings.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function job(id: number, kind: string, changes: Partial<JobSummary> = {}): JobSummary {
  return { id, projectId: 1, kind, state: 'running', fraction: 0, retryable: false, startedAtMs: 0, ...changes }
}

function watched() {
  const told: Ending[] = []
  const endings = watchEndings((ending) => told.push(ending))
  const changed = (job: JobSummary) => endings.changed(job)
  const run = (id: number, kind: string, from: number, to: number, end: Partial<JobSummary> = { state: 'done' }) => {
    changed(job(id, kind, { startedAtMs: from }))
    changed(job(id, kind, { startedAtMs: from, endedAtMs: to, ...end }))
  }
  return { told, changed, run }
}

describe('the end of work', () => {
  it('is told where it took long, and not where it was short', () => {
    const { told, run } = watched()
    run(1, 'calibration', 0, LONG_MS - 1)
    vi.advanceTimersByTime(SETTLE_MS)
    expect(told).toEqual([])
    run(2, 'calibration', 0, LONG_MS)
    expect(told).toEqual([])
    vi.advanceTimersByTime(SETTLE_MS)
    expect(told).toMatchObject([{ job: { id: 2, state: 'done' }, durationMs: LONG_MS }])
  })

  it('is told once for jobs that follow each other, as that of what they were for', () => {
    const { told, run } = watched()
    run(1, 'calibration', 0, 20_000)
    vi.advanceTimersByTime(SETTLE_MS - 1)
    run(2, 'quantization', 20_100, 25_000)
    run(3, 'evaluation', 25_100, 40_000)
    vi.advanceTimersByTime(SETTLE_MS)
    expect(told).toMatchObject([{ job: { id: 2, kind: 'quantization' }, durationMs: 40_000 }])
  })

  it('is told for each project by itself', () => {
    const { told, changed, run } = watched()
    changed(job(1, 'sweep', { projectId: 2 }))
    run(2, 'benchmark', 0, 50_000)
    vi.advanceTimersByTime(SETTLE_MS)
    expect(told).toMatchObject([{ job: { id: 2 } }])
  })

  it('is told at once where it failed, and never where it was cancelled', () => {
    const { told, run } = watched()
    run(1, 'quantization', 0, 60_000, { state: 'cancelled' })
    vi.advanceTimersByTime(SETTLE_MS)
    expect(told).toEqual([])
    run(2, 'quantization', 0, 60_000, { state: 'failed' })
    expect(told).toMatchObject([{ job: { id: 2, state: 'failed' } }])
    vi.advanceTimersByTime(SETTLE_MS)
    expect(told).toHaveLength(1)
  })

  it('is not told twice, nor for what had ended before', () => {
    const { told, changed, run } = watched()
    changed(job(1, 'sweep', { state: 'done', endedAtMs: 90_000 }))
    run(2, 'sweep', 0, 90_000)
    vi.advanceTimersByTime(SETTLE_MS)
    changed(job(2, 'sweep', { state: 'done', endedAtMs: 90_000 }))
    vi.advanceTimersByTime(SETTLE_MS)
    expect(told).toHaveLength(1)
  })
})

describe('its words', () => {
  it('say which job of which project, and how it ended', () => {
    const ended = (changes: Partial<JobSummary>, durationMs: number) => ({
      job: job(1, 'quantization', changes),
      durationMs,
    })
    expect(endingWords(ended({ state: 'done' }, 47_000), 'Llama-3.2-1B')).toEqual({
      title: 'Squeeze finished',
      body: 'Llama-3.2-1B · took 47 s',
    })
    expect(endingWords(ended({ state: 'done' }, 7_530_000), undefined).body).toBe('took 2 h 6 min')
    const error = { code: 'disk-full', message: 'There is no room in /data.', retryable: true } as const
    expect(endingWords(ended({ state: 'failed', error }, 200_000), 'Llama')).toEqual({
      title: 'Squeeze failed',
      body: 'Llama · There is no room in /data.',
    })
    expect(endingWords(ended({ state: 'interrupted' }, 200_000), 'Llama').body).toBe('Llama · its process ended')
  })
})
