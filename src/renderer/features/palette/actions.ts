import type { MantineColorScheme } from '@mantine/core'
import type { ProjectSummary } from '../../../shared/contract/studio/index.ts'
import { PROJECT_SECTIONS } from '../../../shared/contract/studio/place.ts'
import { homeAddress, projectAddress, settingsAddress, type Route } from '../../route.ts'
import { showOverlay } from '../../stores/overlay.ts'
import { SCHEMES } from '../../ui/theme-switch.tsx'
import { SECTION_NAMES } from '../project/project-frame.tsx'
import type { Keys } from './keys.ts'

export type Action = {
  id: string
  name: string
  group: 'This project' | 'Studio' | 'Projects'
  keys?: Keys
  run: () => void
}

type World = {
  route: Route
  projects: ProjectSummary[]
  setColorScheme: (scheme: MantineColorScheme) => void
}

/**
 * All that can be done from anywhere: the one table behind the palette, the sheet of shortcuts and the keys themselves.
 */
export function actionsOf({ route, projects, setColorScheme }: World): Action[] {
  const current = route.page === 'project' ? projects.find(({ id }) => id === route.projectId) : undefined
  return [
    ...(current ? ofProject(current) : []),
    { id: 'home', name: 'Go to the projects', group: 'Studio', keys: 'alt+shift+H', run: () => go(homeAddress) },
    {
      id: 'open',
      name: 'Open a checkpoint',
      group: 'Studio',
      keys: 'alt+shift+O',
      run: () => {
        go(homeAddress)
        showOverlay('open')
      },
    },
    { id: 'settings', name: 'Go to the settings', group: 'Studio', run: () => go(settingsAddress) },
    { id: 'jobs', name: 'Show the jobs', group: 'Studio', keys: 'alt+shift+J', run: () => showOverlay('jobs') },
    { id: 'palette', name: 'Find a command', group: 'Studio', keys: 'mod+K', run: () => showOverlay('palette') },
    {
      id: 'shortcuts',
      name: 'Show the shortcuts',
      group: 'Studio',
      keys: 'shift+?',
      run: () => showOverlay('shortcuts'),
    },
    ...SCHEMES.map(({ scheme, words }): Action => ({
      id: `theme-${scheme}`,
      name: `Theme: ${words.toLowerCase()}`,
      group: 'Studio',
      run: () => setColorScheme(scheme),
    })),
    ...projects
      .filter((project) => project !== current)
      .map(({ id, name }): Action => ({
        id: `project-${id}`,
        name: `Go to ${name}`,
        group: 'Projects',
        run: () => go(projectAddress(id)),
      })),
  ]
}

function ofProject({ id, found }: ProjectSummary): Action[] {
  const begin = (overlay: 'squeeze' | 'calibrate', section: 'overview' | 'sensitivity') => () => {
    go(projectAddress(id, section))
    showOverlay(overlay)
  }
  const group = 'This project'
  return [
    // As on the buttons: without its checkpoint nothing can be begun.
    ...(found
      ? ([
          { id: 'squeeze', name: 'Squeeze…', group, keys: 'alt+shift+S', run: begin('squeeze', 'overview') },
          { id: 'calibrate', name: 'Calibrate…', group, keys: 'alt+shift+C', run: begin('calibrate', 'sensitivity') },
        ] satisfies Action[])
      : []),
    ...PROJECT_SECTIONS.map((section): Action => ({
      id: `section-${section}`,
      name: `Go to ${SECTION_NAMES[section].toLowerCase()}`,
      group,
      run: () => go(projectAddress(id, section)),
    })),
  ]
}

/** Those whose name or group holds every word, in the order of the table. */
export function matching(actions: Action[], typed: string): Action[] {
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean)
  return actions.filter(({ name, group }) => {
    const text = `${name} ${group}`.toLowerCase()
    return words.every((word) => text.includes(word))
  })
}

function go(address: string): void {
  window.location.hash = address
}
