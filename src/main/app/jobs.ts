import { app, BrowserWindow, Notification } from 'electron'
import type { StudioResult } from '../../shared/contract/studio/index.ts'
import type { StudioApi } from '../studio/api.ts'
import { endingWords, watchEndings, type Ending } from './endings.ts'
import { jobPlace } from './job-place.ts'
import { makeTaskBar, type TaskBar } from './task-bar.ts'

/**
 * Shows how far jobs are in the task bar, and tells of the end of long ones to a person who looks elsewhere. `goTo`
 * brings the window before them, at a place in the page.
 */
export function showJobs(api: StudioApi, goTo: (place: string) => void): void {
  const taskBar = makeTaskBar()
  const endings = watchEndings((ending) => {
    if (!isWatched()) void notify(api, ending, goTo)
  })
  const unsubscribe = api.subscribe(({ event, payload }) => {
    if (event !== 'job.changed') return
    draw(taskBar.changed(payload, isWatched()))
    endings.changed(payload)
  })
  app.on('browser-window-focus', () => draw(taskBar.seen()))
  app.once('will-quit', () => {
    unsubscribe()
    endings.stop()
  })
}

function isWatched(): boolean {
  return BrowserWindow.getAllWindows().some((window) => window.isFocused())
}

/** What Electron calls "indeterminate" is a share above 1, and what it calls "none" one below 0. */
function draw({ mode, fraction }: TaskBar): void {
  const value = mode === 'none' ? -1 : mode === 'indeterminate' ? 2 : fraction
  for (const window of BrowserWindow.getAllWindows()) window.setProgressBar(value, { mode })
}

/** Those in sight: one that is collected as garbage could not be clicked any more. */
const shown = new Set<Notification>()

async function notify(api: StudioApi, ending: Ending, goTo: (place: string) => void): Promise<void> {
  if (!Notification.isSupported()) return
  const { projectId } = ending.job
  const project = projectId === undefined ? undefined : await projectOf(api, projectId)
  const notification = new Notification({ ...endingWords(ending, project?.name), silent: true })
  shown.add(notification)
  notification.on('close', () => shown.delete(notification))
  notification.on('click', () => {
    shown.delete(notification)
    goTo(jobPlace(ending.job, project?.results ?? []))
  })
  notification.show()
}

/** None where somebody has removed it meanwhile. */
async function projectOf(api: StudioApi, projectId: number): Promise<StudioResult<'project.get'> | undefined> {
  try {
    return (await api.call('project.get', { projectId })) as StudioResult<'project.get'>
  } catch {
    return undefined
  }
}
