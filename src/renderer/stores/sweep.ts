import { create } from 'zustand'
import type { SweepState } from '../../shared/contract/studio/index.ts'
import { client } from '../bridge/index.ts'
import { onceLinked } from './link.ts'
import { makeLoader, type Remote } from './remote.ts'

/** What is known of the sweep of the project in sight. */
export const useSweep = create<Remote<SweepState>>(() => ({}))

const load = makeLoader<SweepState>((remote) => useSweep.setState(remote))
let inSight: number | undefined
let askedAt = 0
const ASK_EVERY_MS = 5000

export function openSweep(projectId: number): () => void {
  if (useSweep.getState().value?.projectId !== projectId) useSweep.setState({ value: undefined, error: undefined })
  inSight = projectId
  reloadSweep()
  return () => (inSight = undefined)
}

export function reloadSweep(): void {
  const projectId = inSight
  if (projectId !== undefined) void load(() => client.call('sweep.get', { projectId }))
}

client.on('project.changed', ({ projectId }) => {
  if (projectId === undefined || projectId === inSight) reloadSweep()
})
// Points come while the job still runs, a pass at a time; the answer holds a whole table, so not with every progress.
client.on('job.changed', ({ projectId, kind }) => {
  if (kind !== 'sweep' || projectId !== inSight || Date.now() - askedAt < ASK_EVERY_MS) return
  askedAt = Date.now()
  reloadSweep()
})
onceLinked(reloadSweep)
