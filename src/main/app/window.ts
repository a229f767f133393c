import { join } from 'node:path'
import { BrowserWindow, nativeTheme } from 'electron'
import { APP_ORIGIN } from './origin.ts'
import { readWindowState, writeWindowState } from './window-state.ts'

const GROUND = { light: '#f7f8f9', dark: '#0f1216' }

/** The one window, where it last was; shown when the page has something to show. */
export function openWindow(root: string, home: string, place: string): BrowserWindow {
  const { bounds, maximized } = readWindowState(home)
  const window = new BrowserWindow({
    ...bounds,
    minWidth: 720,
    minHeight: 480,
    show: false,
    title: 'Squeeze Studio',
    backgroundColor: nativeTheme.shouldUseDarkColors ? GROUND.dark : GROUND.light,
    webPreferences: {
      preload: join(root, 'out', 'preload', 'index.cjs'),
      contextIsolation: true,
      sandbox: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    },
  })
  if (maximized) window.maximize()
  window.once('ready-to-show', () => window.show())
  window.on('close', () => writeWindowState(home, window))
  void window.loadURL(addressOf(place))
  return window
}

/** Of a place in the page; going from one to another loads nothing anew. */
export function addressOf(place: string): string {
  return `${APP_ORIGIN}/${place}`
}
