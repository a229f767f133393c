import { create } from 'zustand'
import type { ListedProjects } from '../../shared/contract/studio/index.ts'
import { client } from '../bridge/index.ts'
import { onceLinked } from './link.ts'
import { makeLoader, type Remote } from './remote.ts'

/** The list of projects. Lives as long as the page; the host keeps the truth. */
export const useProjects = create<Remote<ListedProjects>>(() => ({}))

const load = makeLoader<ListedProjects>((remote) => useProjects.setState(remote))

export function loadProjects(): void {
  void load(() => client.call('project.list', {}))
}

client.on('project.changed', loadProjects)
onceLinked(loadProjects)
