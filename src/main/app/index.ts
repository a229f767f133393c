import { join } from 'node:path'
import { app, BrowserWindow, dialog } from 'electron'
import { toErrorInfo } from '../../shared/contract/studio-error.ts'
import { openStudio, type Studio } from '../studio/index.ts'
import { openPage } from '../studio/page.ts'
import { answerPage, tellPage } from './bridge.ts'
import { guardContents, refusePermissions } from './guard.ts'
import { setMenu } from './menu.ts'
import { claimScheme, servePage } from './protocol.ts'
import { openWindow } from './window.ts'

/** Everything here hangs on events: waiting for the app at the top of this module would keep it from becoming ready. */
function main(): void {
  if (!app.requestSingleInstanceLock()) return app.quit()
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
  setMenu(studio.home)
  const place = process.argv.includes('--latest') ? studio.latestPlace() : ''
  const open = () => tellPage(api, openWindow(studio.root, studio.home, place).webContents)
  app.on('activate', () => {
    if (BrowserWindow.getAllWindows().length === 0) open()
  })
  open()
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
