import type { JobSummary, StudioNotice } from '../../shared/contract/studio/index.ts'

type Watched = {
  /** Grows when another process has written to the database. */
  dataVersion: () => number
  /** Running ones and the latest that ended. */
  jobs: () => JobSummary[]
}

/**
 * Tells of what other processes do to the same studio's folder: the command line works there too. Looks once every
 * `everyMs` while anybody listens. A job's progress is told as the job; anything else as a change of the projects.
 */
export function watchChanges({ dataVersion, jobs }: Watched, everyMs: number) {
  const listeners = new Set<(notice: StudioNotice) => void>()
  let timer: NodeJS.Timeout | undefined
  let version = -1
  let known = new Map<number, string>()

  function look() {
    const now = dataVersion()
    if (now === version) return
    version = now
    const present = jobs()
    const texts = new Map(present.map((job) => [job.id, JSON.stringify(job)]))
    const changed = present.filter((job) => known.get(job.id) !== texts.get(job.id))
    known = texts
    for (const job of changed) tell({ event: 'job.changed', payload: job })
    // Progress alone changes no project; only what begins and ends may leave something behind.
    if (changed.length === 0 || changed.some(({ state }) => state !== 'running'))
      tell({ event: 'project.changed', payload: {} })
  }

  function tell(notice: StudioNotice) {
    for (const listener of listeners) listener(notice)
  }

  return (listener: (notice: StudioNotice) => void): (() => void) => {
    if (listeners.size === 0) {
      version = dataVersion()
      known = new Map(jobs().map((job) => [job.id, JSON.stringify(job)]))
      timer = setInterval(look, everyMs)
    }
    listeners.add(listener)
    return () => {
      listeners.delete(listener)
      if (listeners.size === 0) clearInterval(timer)
    }
  }
}
