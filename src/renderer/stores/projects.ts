import { create } from 'zustand'
import type { ProjectSummary } from '../../shared/contract/studio/index.ts'
import { client } from '../bridge/index.ts'
import { onceLinked } from './link.ts'
import { makeLoader, type Remote } from './remote.ts'

/** The list of projects. Lives as long as the page; the host keeps the truth. */
export const useProjects = create<Remote<ProjectSummary[]>>(() => ({}))

const load = makeLoader<ProjectSummary[]>((remote) => useProjects.setState(remote))

export function loadProjects(): void {
  void load(async () => (await client.call('project.list', {})).projects)
}

client.on('project.changed', loadProjects)
onceLinked(loadProjects)
