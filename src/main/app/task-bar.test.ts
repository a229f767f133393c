import { describe, expect, it } from 'vitest'
import type { JobSummary } from '../../shared/contract/studio/index.ts'
import { makeTaskBar } from './task-bar.ts'

function job(id: number, changes: Partial<JobSummary> = {}): JobSummary {
  return {
    id,
    kind: 'calibration',
    state: 'running',
    stage: 'Reading',
    fraction: 0,
    retryable: false,
    startedAtMs: 0,
    ...changes,
  }
}

describe('the task bar', () => {
  it('follows a job from its beginning, whose length nobody knows, to its end', () => {
    const bar = makeTaskBar()
    expect(bar.changed(job(1, { stage: undefined }), true)).toEqual({ mode: 'indeterminate', fraction: 0 })
    expect(bar.changed(job(1, { fraction: 0.4 }), true)).toEqual({ mode: 'normal', fraction: 0.4 })
    expect(bar.changed(job(1, { state: 'done', fraction: 1 }), true)).toEqual({ mode: 'none', fraction: 0 })
  })

  it('shows the mean of jobs that overlap, and does not fall when one of them ends', () => {
    const bar = makeTaskBar()
    bar.changed(job(1, { fraction: 0.9 }), true)
    expect(bar.changed(job(2, { fraction: 0.1 }), true)).toEqual({ mode: 'normal', fraction: 0.5 })
    expect(bar.changed(job(1, { state: 'cancelled', fraction: 0.9 }), true).fraction).toBeCloseTo(0.55)
    expect(bar.changed(job(2, { state: 'done', fraction: 1 }), true).mode).toBe('none')
    // The next one begins a bar of its own.
    expect(bar.changed(job(3, { fraction: 0.2 }), true)).toEqual({ mode: 'normal', fraction: 0.2 })
  })

  it('keeps the colour of a failure that nobody saw until somebody looks', () => {
    const bar = makeTaskBar()
    bar.changed(job(1, { fraction: 0.5 }), false)
    bar.changed(job(2, { fraction: 0.5 }), false)
    expect(bar.changed(job(1, { state: 'failed', fraction: 0.5 }), false)).toEqual({ mode: 'error', fraction: 0.75 })
    expect(bar.changed(job(2, { state: 'done', fraction: 1 }), false)).toEqual({ mode: 'error', fraction: 1 })
    expect(bar.seen()).toEqual({ mode: 'none', fraction: 0 })
    bar.changed(job(3), true)
    expect(bar.changed(job(3, { state: 'failed' }), true).mode).toBe('none')
  })

  it('says nothing of jobs that ended before it looked', () => {
    expect(makeTaskBar().changed(job(1, { state: 'failed' }), false).mode).toBe('none')
  })
})
