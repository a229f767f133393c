import { create } from 'zustand'
import type { ResultDetails } from '../../shared/contract/studio/index.ts'
import { client } from '../bridge/index.ts'
import { makeLoader, type Remote } from './remote.ts'

/** What is known of single results, by their number. */
export const useResultDetails = create<Record<number, Remote<ResultDetails>>>(() => ({}))

/** Asks for a result now and whenever its project changes. Returns a function that ends it. */
export function watchResult(projectId: number, resultId: number): () => void {
  const load = makeLoader<ResultDetails>((remote) =>
    useResultDetails.setState((known) => ({ [resultId]: { ...known[resultId], ...remote } })),
  )
  const ask = () => void load(() => client.call('result.get', { projectId, resultId }))
  ask()
  return client.on('project.changed', (changed) => {
    if (changed.projectId === undefined || changed.projectId === projectId) ask()
  })
}
