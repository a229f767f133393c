import { useSyncExternalStore } from 'react'
import { PROJECT_SECTIONS, projectPlace, type ProjectSection } from '../shared/contract/studio/place.ts'

/** Where a person is. The fragment of the address says it, so that it works the same under app:// and http://. */
export type Route =
  | { page: 'home' }
  | { page: 'settings' }
  | { page: 'project'; projectId: number; section: ProjectSection }
  | { page: 'unknown'; address: string }

export function parseRoute(fragment: string): Route {
  const address = fragment.replace(/^#/, '')
  if (address === '' || address === '/') return { page: 'home' }
  if (address === '/settings') return { page: 'settings' }
  const project = /^\/projects\/([1-9]\d{0,14})(?:\/([a-z]+))?$/.exec(address)
  const section = PROJECT_SECTIONS.find((name) => name === (project?.[2] ?? 'overview'))
  if (project && section) return { page: 'project', projectId: Number(project[1]), section }
  return { page: 'unknown', address }
}

export const homeAddress = '#/'
export const settingsAddress = '#/settings'

export const projectAddress = projectPlace

function subscribe(changed: () => void): () => void {
  window.addEventListener('hashchange', changed)
  return () => window.removeEventListener('hashchange', changed)
}

export function useRoute(): Route {
  return parseRoute(useSyncExternalStore(subscribe, () => window.location.hash))
}
