import { endBrowsing, useFolderDialog } from '../../stores/folder-dialog.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { FolderBrowser } from './folder-browser.tsx'

/** Looks for a checkpoint on the machine where the studio runs. One for the whole page; `browse` opens it. */
export function FolderDialog() {
  const opened = useFolderDialog((state) => state.opened)
  return (
    <Dialog title="Open a checkpoint" size="xl" opened={opened} close={endBrowsing}>
      <FolderBrowser />
    </Dialog>
  )
}
