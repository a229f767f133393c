import type { JobSummary, StudioNotice } from '../../shared/contract/studio/index.ts'

type Watched = {
  /** Grows when another process has written to the database. */
  dataVersion: () => number
  /** Running ones and the latest that ended. */
  jobs: () => JobSummary[]
  /** Ends the jobs whose process is gone: nobody else would. */
  endLostJobs: () => void
}

/**
 * Tells of what other processes do to the same studio's folder: the command line works there too. Looks once every
 * `everyMs` while anybody listens. A job's progress is told as the job; anything else as a change of the projects.
 */
export function watchChanges({ dataVersion, jobs, endLostJobs }: Watched, everyMs: number) {
  const listeners = new Set<(notice: StudioNotice) => void>()
  let timer: NodeJS.Timeout | undefined
  let version = -1
  let known = new Map<number, string>()
  let running = false

  function look() {
    if (running) endLostJobs()
    const now = dataVersion()
    if (now === version) return
    version = now
    const present = jobs()
    const changed = present.filter((job) => known.get(job.id) !== JSON.stringify(job))
    remember(present)
    for (const job of changed) tell({ event: 'job.changed', payload: job })
    // Progress alone changes no project; only what begins and ends may leave something behind.
    if (changed.length === 0 || changed.some(({ state }) => state !== 'running'))
      tell({ event: 'project.changed', payload: {} })
  }

  function remember(present: JobSummary[]) {
    known = new Map(present.map((job) => [job.id, JSON.stringify(job)]))
    running = present.some(({ state }) => state === 'running')
  }

  function tell(notice: StudioNotice) {
    for (const listener of listeners) listener(notice)
  }

  return (listener: (notice: StudioNotice) => void): (() => void) => {
    if (listeners.size === 0) {
      version = dataVersion()
      remember(jobs())
      timer = setInterval(look, everyMs)
    }
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) clearInterval(timer)
    }
  }
}
