import { join } from 'node:path'
import { app, BrowserWindow, dialog } from 'electron'
import { toErrorInfo } from '../../shared/contract/studio-error.ts'
import { openStudio, type Studio } from '../studio/index.ts'
import { openPage } from '../studio/page.ts'
import { answerPage, tellPage } from './bridge.ts'
import { guardContents, refusePermissions } from './guard.ts'
import { showJobs } from './jobs.ts'
import { setMenu } from './menu.ts'
import { openCheckpoint } from './open-checkpoint.ts'
import { claimScheme, servePage } from './protocol.ts'
import { addressOf, openWindow } from './window.ts'

/** As packages are registered with Windows, which asks whose a notification is. */
const APP_ID = 'studio.squeeze.app'

/** Everything here hangs on events: waiting for the app at the top of this module would keep it from becoming ready. */
function main(): void {
  if (!app.requestSingleInstanceLock()) return app.quit()
  app.setAppUserModelId(APP_ID)
  claimScheme()
  guardContents()
  app.on('second-instance', showWindow)
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit()
  })
  app.whenReady().then(start).catch(giveUp)
}

function start(): void {
  const studio = openStudio({ resourcesPath: app.isPackaged ? process.resourcesPath : undefined })
  closeWithApp(studio)
  refusePermissions()
  servePage(openPage(join(studio.root, 'out', 'renderer')))
  const api = studio.pageApi()
  answerPage(api)
  const open = (place: string) => tellPage(api, openWindow(studio.root, studio.home, place).webContents)
  app.on('activate', () => {
    if (BrowserWindow.getAllWindows().length === 0) open('')
  })
  const goTo = (place: string) => {
    const [window] = BrowserWindow.getAllWindows()
    if (window === undefined) return open(place)
    void window.loadURL(addressOf(place))
    showWindow()
  }
  showJobs(api, goTo)
  setMenu({ home: studio.home, openCheckpoint: () => void openCheckpoint(api, goTo), goTo })
  open(process.argv.includes('--latest') ? studio.latestPlace() : '')
}

/** The app waits for the sidecar to end: nothing of ours runs on without it. */
function closeWithApp(studio: Studio): void {
  let closed = false
  app.on('will-quit', (event) => {
    if (closed) return
    event.preventDefault()
    void studio.close().finally(() => {
      closed = true
      app.quit()
    })
  })
}

function showWindow(): void {
  const [window] = BrowserWindow.getAllWindows()
  if (window?.isMinimized()) window.restore()
  window?.focus()
}

function giveUp(error: unknown): void {
  const { message, hint } = toErrorInfo(error)
  dialog.showErrorBox('Squeeze Studio cannot start', [message, hint].filter(Boolean).join('\n\n'))
  app.exit(1)
}

main()
