import { create } from 'zustand'
import type { SweepChoices, SweepState, SweepTable } from '../../shared/contract/studio/index.ts'
import { FIRST_CHOICES } from '../../shared/sweep/choices.ts'
import { client } from '../bridge/index.ts'
import { onceLinked } from './link.ts'
import { makeLoader, type Remote } from './remote.ts'

/** What is known of the sweep of the project in sight. */
export const useSweep = create<Remote<SweepState>>(() => ({}))
/** Its table of errors: large, and the same until the project is calibrated anew. */
export const useSweepTable = create<Remote<SweepTable>>(() => ({}))
/** What is chosen. The page's own once it has begun from what the host had kept. */
export const useSweepChoices = create<{ projectId?: number; choices: SweepChoices }>(() => ({ choices: FIRST_CHOICES }))

const loadTable = makeLoader<SweepTable>((remote) => useSweepTable.setState(remote))
const load = makeLoader<SweepState>((remote) => {
  useSweep.setState(remote)
  const { value } = remote
  if (!value || value.projectId !== inSight) return
  if (useSweepChoices.getState().projectId !== value.projectId)
    useSweepChoices.setState({ projectId: value.projectId, choices: value.choices ?? FIRST_CHOICES })
  const { projectId, tableVersion: version } = value
  if (version !== undefined && useSweepTable.getState().value?.version !== version)
    void loadTable(() => client.call('sweep.table', { projectId, version }))
})

let inSight: number | undefined
let askedAt = 0
const ASK_EVERY_MS = 1000

export function openSweep(projectId: number): () => void {
  if (useSweep.getState().value?.projectId !== projectId) useSweep.setState({ value: undefined, error: undefined })
  inSight = projectId
  reloadSweep()
  return () => {
    keepChoices()
    inSight = undefined
  }
}

export function reloadSweep(): void {
  const projectId = inSight
  if (projectId !== undefined) void load(() => client.call('sweep.get', { projectId }))
}

/** A slider moves many times a second; only where it comes to rest is worth keeping. */
const KEEP_AFTER_MS = 400
let keeping: number | undefined

export function changeSweepChoices(change: Partial<SweepChoices>): void {
  useSweepChoices.setState(({ choices }) => ({ choices: { ...choices, ...change } }))
  window.clearTimeout(keeping)
  keeping = window.setTimeout(keepChoices, KEEP_AFTER_MS)
}

function keepChoices(): void {
  if (keeping === undefined) return
  window.clearTimeout(keeping)
  keeping = undefined
  const { projectId, choices } = useSweepChoices.getState()
  // Where the host does not answer, the page says so elsewhere, and the choice counts as long as the page lives.
  if (projectId !== undefined) client.call('sweep.choose', { projectId, choices }).catch(() => undefined)
}

client.on('project.changed', ({ projectId }) => {
  if (projectId === undefined || projectId === inSight) reloadSweep()
})
// Points come while the job still runs, a pass at a time.
client.on('job.changed', ({ projectId, kind }) => {
  if (kind !== 'sweep' || projectId !== inSight || Date.now() - askedAt < ASK_EVERY_MS) return
  askedAt = Date.now()
  reloadSweep()
})
onceLinked(reloadSweep)
