import { useMantineColorScheme } from '@mantine/core'
import { useHotkeys, type HotkeyItem } from '@mantine/hooks'
import { useRoute } from '../../route.ts'
import { closeOverlay, useOverlay } from '../../stores/overlay.ts'
import { useProjects } from '../../stores/projects.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { actionsOf, type Action } from './actions.ts'
import { isPlain } from './keys.ts'
import { Palette } from './palette.tsx'
import { Shortcuts } from './shortcuts.tsx'

/** What the keyboard reaches from every page: the palette, the sheet of shortcuts, and the shortcuts. */
export function Commands() {
  const route = useRoute()
  const projects = useProjects(({ value }) => value)?.projects ?? []
  const { setColorScheme } = useMantineColorScheme()
  const overlay = useOverlay((state) => state.overlay)
  const actions = actionsOf({ route, projects, setColorScheme })
  useHotkeys(
    bindings(actions, (keys) => !isPlain(keys)),
    [],
  )
  useHotkeys(bindings(actions, isPlain))
  return (
    <>
      <Palette actions={actions.filter(({ id }) => id !== 'palette')} opened={overlay === 'palette'} />
      <Dialog title="Shortcuts" size="md" opened={overlay === 'shortcuts'} close={closeOverlay}>
        <Shortcuts actions={actions} />
      </Dialog>
    </>
  )
}

function bindings(actions: Action[], wanted: (keys: string) => boolean): HotkeyItem[] {
  return actions.flatMap(({ keys, run }): HotkeyItem[] => {
    if (keys === undefined || !wanted(keys)) return []
    // Where Alt is pressed the letter may be another one, so the place of the key counts.
    return [[keys, () => !isModal() && run(), { usePhysicalKeys: keys.startsWith('alt') }]]
  })
}

/** While something is asked, the keys belong to it. */
function isModal(): boolean {
  return document.querySelector('[aria-modal="true"]') !== null
}
