import { create } from 'zustand'
import type { ErrorInfo } from '../../shared/contract/errors.ts'

/** Why the dialog is open, besides that a person asked for it. */
type Reason = {
  /** Name of what was dropped where nobody can tell its path: it is looked for in the folders that are shown. */
  dropped?: string
  /** Why something else could not be opened. */
  error?: ErrorInfo
}
type State = Reason & { opened: boolean; folder?: string | undefined }

/** The one dialog that looks for checkpoints. Lives as long as the page, and with it the folder looked at last. */
export const useFolderDialog = create<State>(() => ({ opened: false }))

export function browse(reason: Reason = {}): void {
  useFolderDialog.setState(({ folder }) => ({ ...reason, opened: true, folder }), true)
}

export function endBrowsing(): void {
  useFolderDialog.setState({ opened: false })
}

export function rememberFolder(folder: string | undefined): void {
  useFolderDialog.setState({ folder })
}
