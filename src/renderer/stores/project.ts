import { create } from 'zustand'
import type { Project } from '../../shared/contract/studio/index.ts'
import { client } from '../bridge/index.ts'
import { onceLinked } from './link.ts'
import { makeLoader, type Remote } from './remote.ts'

type State = Remote<Project> & { projectId: number | null }

/** The project in sight. Lives as long as the page; which one it is stands in the address. */
export const useProject = create<State>(() => ({ projectId: null }))

const load = makeLoader<Project>((remote) => useProject.setState(remote))

export function openProject(projectId: number): void {
  if (useProject.getState().projectId !== projectId)
    useProject.setState({ projectId, value: undefined, error: undefined })
  reloadProject()
}

export function reloadProject(): void {
  const { projectId } = useProject.getState()
  if (projectId !== null) void load(() => client.call('project.get', { projectId }))
}

client.on('project.changed', (changed) => {
  if (changed.projectId === undefined || changed.projectId === useProject.getState().projectId) reloadProject()
})
onceLinked(reloadProject)
