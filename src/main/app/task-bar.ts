import type { JobSummary } from '../../shared/contract/studio/index.ts'

/** What the task bar or the dock shows: a share of 0..1, or none of it. */
export type TaskBar = { mode: 'none' | 'normal' | 'indeterminate' | 'error'; fraction: number }

const NOTHING: TaskBar = { mode: 'none', fraction: 0 }

/**
 * One bar for all jobs. Those that began before the last of them ended are one batch, and the bar their mean, so that it
 * does not fall when one ends before the others. A failure colours the bar until somebody has looked.
 */
export function makeTaskBar() {
  let batch = new Map<number, JobSummary>()
  let failed = false

  return {
    /** `watched`: whether a person has the window before them. */
    changed(job: JobSummary, watched: boolean): TaskBar {
      if (job.state === 'running' || batch.has(job.id)) batch.set(job.id, job)
      else return shown()
      if (job.state === 'failed' && !watched) failed = true
      if (![...batch.values()].some(({ state }) => state === 'running')) batch = new Map()
      return shown()
    },
    seen(): TaskBar {
      failed = false
      return shown()
    },
  }

  function shown(): TaskBar {
    const jobs = [...batch.values()]
    if (jobs.length === 0) return failed ? { mode: 'error', fraction: 1 } : NOTHING
    const fraction = jobs.reduce((sum, job) => sum + (job.state === 'running' ? job.fraction : 1), 0) / jobs.length
    if (failed) return { mode: 'error', fraction }
    return jobs.some(hasSaid) ? { mode: 'normal', fraction } : { mode: 'indeterminate', fraction: 0 }
  }
}

/** A job that has only begun knows nothing of its length yet. */
function hasSaid({ state, stage, fraction }: JobSummary): boolean {
  return state !== 'running' || stage !== undefined || fraction > 0
}
