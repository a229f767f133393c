import { BrowserWindow, dialog, type OpenDialogOptions } from 'electron'
import { projectPlace } from '../../shared/contract/studio/place.ts'
import type { StudioResult } from '../../shared/contract/studio/index.ts'
import { toErrorInfo } from '../../shared/contract/studio-error.ts'
import type { StudioApi } from '../studio/api.ts'

const OPTIONS: OpenDialogOptions = {
  title: 'Open a checkpoint',
  message: 'The folder with config.json and the safetensors files',
  buttonLabel: 'Open',
  properties: ['openDirectory'],
}

/** Asks in the system's own dialog for a folder, and goes to its project; says why where it cannot be opened. */
export async function openCheckpoint(api: StudioApi, goTo: (place: string) => void): Promise<void> {
  const [window] = BrowserWindow.getAllWindows()
  const { filePaths } = await (window ? dialog.showOpenDialog(window, OPTIONS) : dialog.showOpenDialog(OPTIONS))
  const [path] = filePaths
  if (path === undefined) return
  try {
    const { projectId } = (await api.call('project.open', { path })) as StudioResult<'project.open'>
    goTo(projectPlace(projectId))
  } catch (error) {
    const { message, hint } = toErrorInfo(error)
    dialog.showErrorBox('The checkpoint cannot be opened', [message, hint].filter(Boolean).join('\n\n'))
  }
}
