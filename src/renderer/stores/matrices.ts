import { create } from 'zustand'
import type { CheckpointMatrices } from '../../shared/contract/studio/index.ts'
import { client } from '../bridge/index.ts'
import { makeLoader, type Remote } from './remote.ts'

/** The single matrices of the checkpoint in sight. Asked for again only where the weights are others. */
export const useMatrices = create<Remote<CheckpointMatrices>>(() => ({}))

const load = makeLoader<CheckpointMatrices>((remote) => useMatrices.setState(remote))

export function loadMatrices(projectId: number, fingerprint: string): void {
  const { value } = useMatrices.getState()
  if (value?.projectId === projectId && value.fingerprint === fingerprint) return
  useMatrices.setState({ value: undefined, error: undefined })
  void load(() => client.call('checkpoint.get', { projectId }))
}
