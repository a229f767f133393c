import { jobNoun } from '../../shared/contract/studio/job-words.ts'
import type { JobSummary } from '../../shared/contract/studio/index.ts'

/** The end of work that a person may have turned away from. */
export type Ending = { job: JobSummary; durationMs: number }

/** Shorter work is over before anybody looks elsewhere. */
export const LONG_MS = 30_000
/** What was asked for once may be several jobs (calibrate, squeeze, measure); the next one begins within this. */
export const SETTLE_MS = 2_000

/** Jobs of one project without a pause between them. */
type Work = { startedAtMs: number; jobs: Map<number, JobSummary>; settling?: NodeJS.Timeout }

/**
 * Tells of each long piece of work once, when it has ended: at once where it failed, and otherwise when nothing goes on
 * from it. Cancelled work was ended by the person who would be told.
 */
export function watchEndings(tell: (ending: Ending) => void) {
  const works = new Map<number | undefined, Work>()

  return {
    changed(job: JobSummary): void {
      const known = works.get(job.projectId)
      if (job.state === 'running') {
        clearTimeout(known?.settling)
        const work = known ?? { startedAtMs: job.startedAtMs, jobs: new Map<number, JobSummary>() }
        works.set(job.projectId, work)
        work.jobs.set(job.id, job)
      } else if (known?.jobs.get(job.id)?.state === 'running') {
        known.jobs.set(job.id, job)
        ended(known, job)
      }
    },
    stop(): void {
      for (const { settling } of works.values()) clearTimeout(settling)
      works.clear()
    },
  }

  function ended(work: Work, job: JobSummary): void {
    const bad = job.state === 'failed' || job.state === 'interrupted'
    if (bad) tellOf(work, job)
    if ([...work.jobs.values()].some(({ state }) => state === 'running')) return
    const finish = () => {
      works.delete(job.projectId)
      if (job.state === 'done') tellOf(work, mainJob(work))
    }
    if (job.state === 'done') work.settling = setTimeout(finish, SETTLE_MS)
    else finish()
  }

  function tellOf({ startedAtMs, jobs }: Work, job: JobSummary): void {
    const durationMs = Math.max(...[...jobs.values()].map(({ endedAtMs = 0 }) => endedAtMs)) - startedAtMs
    if (durationMs >= LONG_MS) tell({ job, durationMs })
  }
}

/** What the work was for: the squeeze where there was one, else what came last. */
function mainJob({ jobs }: Work): JobSummary {
  const done = [...jobs.values()].filter(({ state }) => state === 'done')
  return (done.find(({ kind }) => kind === 'quantization') ?? done.at(-1)) as JobSummary
}

/** The words of a notification. */
export function endingWords({ job, durationMs }: Ending, projectName: string | undefined) {
  const title = `${jobNoun(job)} ${job.state === 'done' ? 'finished' : job.state}`
  const took = job.state === 'interrupted' ? 'its process ended' : `took ${lasted(durationMs)}`
  return { title, body: [projectName, job.error?.message ?? took].filter(Boolean).join(' · ') }
}

/** "47 s", "3 min", "2 h 5 min" */
function lasted(ms: number): string {
  const minutes = Math.round(ms / 60_000)
  if (minutes < 2) return `${Math.round(ms / 1000)} s`
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}
