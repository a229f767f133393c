import { create } from 'zustand'
import type { JobSummary } from '../../shared/contract/studio/index.ts'
import { client } from '../bridge/index.ts'
import { onceLinked } from './link.ts'
import { makeLoader, type Remote } from './remote.ts'

/** Jobs that run and the latest that ended, newest first. Lives as long as the page; fed by events. */
export const useJobs = create<Remote<JobSummary[]>>(() => ({}))

const load = makeLoader<JobSummary[]>((remote) => useJobs.setState(remote))

function loadJobs(): void {
  void load(async () => (await client.call('job.list', {})).jobs)
}

/** The list with this job in its place. */
function withJob(jobs: JobSummary[], changed: JobSummary): JobSummary[] {
  const known = jobs.some((job) => job.id === changed.id)
  return known ? jobs.map((job) => (job.id === changed.id ? changed : job)) : [changed, ...jobs]
}

client.on('job.changed', (changed) => useJobs.setState(({ value }) => ({ value: withJob(value ?? [], changed) })))
onceLinked(loadJobs)
