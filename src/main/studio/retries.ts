import type { JobRow } from '../db/index.ts'

/**
 * Which of these jobs can be asked for again: those that ended short of their end and whose request is known, unless a
 * newer job was made for the same. Jobs come newest first.
 */
export function withRetries(jobs: JobRow[]): [job: JobRow, retryable: boolean][] {
  const asked = new Set<string>()
  return jobs.map((job) => {
    if (job.asked === null) return [job, false]
    const same = JSON.stringify([job.projectId, job.asked])
    const newest = !asked.has(same)
    asked.add(same)
    return [job, newest && (job.state === 'failed' || job.state === 'cancelled' || job.state === 'interrupted')]
  })
}
