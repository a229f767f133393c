import { endBrowsing, rememberFolder, useFolderDialog } from '../../stores/folder-dialog.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { FolderBrowser } from './folder-browser.tsx'
import { openCheckpoint } from './open.ts'

/** Looks for a checkpoint on the machine where the studio runs. One for the whole page; `browse` opens it. */
export function FolderDialog() {
  const { opened, dropped, error, folder } = useFolderDialog()
  return (
    <Dialog title="Open a checkpoint" size="xl" opened={opened} close={endBrowsing}>
      <FolderBrowser
        wanted="checkpoint"
        folder={folder}
        dropped={dropped}
        reason={error}
        looked={rememberFolder}
        choose={async ({ path }) => {
          await openCheckpoint(path)
          endBrowsing()
        }}
      />
    </Dialog>
  )
}
