import { create } from 'zustand'
import type { SweepState } from '../../shared/contract/studio/index.ts'
import { client } from '../bridge/index.ts'
import { onceLinked } from './link.ts'
import { makeLoader, type Remote } from './remote.ts'

/** What is known of the sweep of the project in sight. */
export const useSweep = create<Remote<SweepState>>(() => ({}))

const load = makeLoader<SweepState>((remote) => useSweep.setState(remote))
let inSight: number | undefined

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
// Points come while the job still runs.
client.on('job.changed', ({ projectId, kind }) => {
  if (kind === 'sweep' && projectId === inSight) reloadSweep()
})
onceLinked(reloadSweep)
