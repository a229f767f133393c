import { create } from 'zustand'
import type { ErrorInfo } from '../../shared/contract/errors.ts'
import { client, refusalInfo } from '../bridge/index.ts'
import { reloadProject } from './project.ts'

export type Deletion = { projectId: number; resultId: number; name: string; movedToTrash: boolean; error?: ErrorInfo }

/** The latest deletion, as long as it is offered to undo it. Outlives the page on which it was done. */
export const useDeletion = create<{ deletion?: Deletion }>(() => ({}))

/** Rejects with what the host says against it. */
export async function deleteResult(result: { projectId: number; resultId: number; name: string }): Promise<void> {
  const { projectId, resultId } = result
  const { movedToTrash } = await client.call('result.delete', { projectId, resultId })
  useDeletion.setState({ deletion: { ...result, movedToTrash } })
  reloadProject()
}

/** Brings back any that was deleted lately. Rejects with what the host says against it. */
export async function restoreResult({ projectId, resultId }: { projectId: number; resultId: number }): Promise<void> {
  await client.call('result.restore', { projectId, resultId })
  if (useDeletion.getState().deletion?.resultId === resultId) letDeletionBe()
  reloadProject()
}

export async function undoDeletion(): Promise<void> {
  const { deletion } = useDeletion.getState()
  if (!deletion) return
  try {
    await restoreResult(deletion)
  } catch (refused) {
    useDeletion.setState({ deletion: { ...deletion, error: refusalInfo(refused) } })
  }
}

export function letDeletionBe(): void {
  useDeletion.setState({ deletion: undefined })
}
