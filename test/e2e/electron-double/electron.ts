/**
 * A stand-in for the `electron` module, for the built main process and preload on machines without Electron's binary.
 * A window is a page of a real Chromium: app://studio/… is http://studio.localhost/… there, answered by the handler that
 * the main process registered; the preload runs before the page with a `require` that knows only `electron`. Only what
 * the studio uses is here, and what a test asks about is kept where it can be seen.
 */
import { EventEmitter } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Browser, BrowserContext, Frame, Page, Route } from 'playwright-core'

const HOST = 'http://studio.localhost'
const toPage = (url: string) => url.replace(/^app:\/\/studio/, HOST)
const toApp = (url: string) => url.replace(HOST, 'app://studio')

type Invoke = (event: unknown, ...args: unknown[]) => unknown
type SchemeHandler = (request: Request) => Promise<Response>
type Preferences = { preload: string; contextIsolation: boolean; sandbox: boolean; nodeIntegration: boolean }
type Options = { width: number; height: number; webPreferences: Preferences }
type OpenHandler = (details: { url: string }) => { action: string }

/** What the tests steer and see. */
export const double = {
  browser: undefined as Browser | undefined,
  windows: [] as BrowserWindow[],
  openedOutside: [] as string[],
  errors: [] as string[],
  notifications: [] as Notification[],
  menu: [] as MenuItem[],
  /** What a person will choose in the system's dialog for files. */
  chosen: [] as string[],
  privileged: [] as unknown[],
  exitCode: undefined as number | undefined,
  /** Whether the main process is alone. */
  alone: true,
}

class App extends EventEmitter {
  isPackaged = false
  readonly ready = Promise.withResolvers<void>()
  requestSingleInstanceLock = () => double.alone
  whenReady = () => this.ready.promise
  getVersion = () => '0.0.0'
  setAboutPanelOptions = () => undefined
  setAppUserModelId = () => undefined
  exit = (code: number) => void (double.exitCode = code)
  /** Asks, as Electron does: who prevents will-quit quits later. */
  quit = () => {
    let prevented = false
    this.emit('will-quit', { preventDefault: () => (prevented = true) })
    if (!prevented) double.exitCode ??= 0
  }
}
export const app = new App()

const schemes = new Map<string, SchemeHandler>()
export const protocol = {
  registerSchemesAsPrivileged: (list: unknown[]) => void double.privileged.push(...list),
  handle: (scheme: string, handler: SchemeHandler) => void schemes.set(scheme, handler),
}

const handlers = new Map<string, Invoke>()
export const ipcMain = { handle: (channel: string, handler: Invoke) => void handlers.set(channel, handler) }

type Ask = (contents: unknown, permission: string, answer: (allowed: boolean) => void) => void
type Check = (contents: unknown, permission: string) => boolean
export const permissions: { ask?: Ask; check?: Check } = {}
export const session = {
  defaultSession: {
    setPermissionRequestHandler: (ask: Ask) => void (permissions.ask = ask),
    setPermissionCheckHandler: (check: Check) => void (permissions.check = check),
  },
}

export const shell = {
  openExternal: (url: string) => Promise.resolve(void double.openedOutside.push(url)),
  openPath: () => Promise.resolve(''),
}
export const dialog = {
  showErrorBox: (title: string, text: string) => void double.errors.push(`${title}: ${text}`),
  showOpenDialog: () => Promise.resolve({ filePaths: double.chosen }),
}
export const nativeTheme = { shouldUseDarkColors: false }
export const screen = { getDisplayMatching: () => ({ workArea: { x: 0, y: 0, width: 1920, height: 1080 } }) }
type MenuItem = { label?: string; role?: string; accelerator?: string; click?: () => void; submenu?: MenuItem[] }
export const Menu = {
  buildFromTemplate: (template: MenuItem[]) => template,
  setApplicationMenu: (menu: MenuItem[]) => void (double.menu = menu),
}

export class Notification extends EventEmitter {
  static isSupported = () => true
  readonly options: { title: string; body: string }
  constructor(options: { title: string; body: string }) {
    super()
    this.options = options
  }
  show = () => void double.notifications.push(this)
}

class WebContents extends EventEmitter {
  openHandler: OpenHandler = () => ({ action: 'allow' })
  private readonly page: Promise<Page>
  constructor(page: Promise<Page>) {
    super()
    this.page = page
  }
  setWindowOpenHandler(handler: OpenHandler) {
    this.openHandler = handler
  }
  send(channel: string, payload: unknown) {
    const deliver = ([name, data]: [string, unknown]) =>
      window.dispatchEvent(new CustomEvent(`ipc:${name}`, { detail: data }))
    void this.page.then((page) =>
      page.evaluate(deliver, [channel, payload] as [string, unknown]).catch(() => undefined),
    )
  }
}

export class BrowserWindow extends EventEmitter {
  static getAllWindows = () => double.windows
  readonly webContents: WebContents
  /** The page behind the window. */
  readonly page: Promise<Page>
  readonly options: Options
  focused = 0
  /** Whether a person has it before them, as a test says. */
  watched = true
  /** What the task bar shows of it: a share, and in which colour. */
  progress: [number, string][] = []
  shown = false
  private context: BrowserContext | undefined

  constructor(options: Options) {
    super()
    this.options = options
    this.page = this.makePage()
    this.webContents = new WebContents(this.page)
    double.windows.push(this)
    app.emit('web-contents-created', {}, this.webContents)
  }

  show = () => void (this.shown = true)
  focus = () => {
    this.focused += 1
    this.watched = true
    app.emit('browser-window-focus', {}, this)
  }
  isFocused = () => this.watched
  setProgressBar = (value: number, { mode }: { mode: string }) => void this.progress.push([value, mode])
  restore = () => undefined
  maximize = () => undefined
  isMinimized = () => false
  isMaximized = () => false
  getNormalBounds = () => ({ x: 10, y: 20, width: this.options.width, height: this.options.height })

  async loadURL(url: string) {
    await (await this.page).goto(toPage(url))
    this.emit('ready-to-show')
  }

  async close() {
    this.emit('close')
    double.windows = double.windows.filter((other) => other !== this)
    this.webContents.emit('destroyed')
    await this.context?.close()
    if (double.windows.length === 0) app.emit('window-all-closed')
  }

  private async makePage(): Promise<Page> {
    const { width, height, webPreferences } = this.options
    if (!double.browser) throw new Error('The double has no browser.')
    this.context = await double.browser.newContext({ viewport: { width, height } })
    await this.context.route('**/*', (route) => this.answer(route))
    await this.context.exposeBinding('ipcInvoke', ({ frame }, channel: string, ...args: unknown[]) =>
      handlers.get(channel)?.({ sender: this.webContents, senderFrame: senderOf(frame) }, ...args),
    )
    await this.context.exposeBinding(
      'askToOpen',
      (_source, url: string) => this.webContents.openHandler({ url }).action,
    )
    await this.context.addInitScript(preloadScript(readFileSync(webPreferences.preload, 'utf8')))
    return this.context.newPage()
  }

  /** The page's own requests go to the main process; a navigation elsewhere is first put before it. */
  private async answer(route: Route): Promise<void> {
    const request = route.request()
    const url = toApp(request.url())
    if (request.isNavigationRequest() && !url.startsWith('app://studio/')) {
      let prevented = false
      this.webContents.emit('will-navigate', { url, preventDefault: () => (prevented = true) })
      // An answer without content leaves the page where it is; an aborted one would show an error.
      if (prevented) return route.fulfill({ status: 204 })
    }
    const handler = schemes.get('app')
    if (!handler || !url.startsWith('app:')) return route.abort()
    const response = await handler(new Request(url, { method: request.method() }))
    const body = Buffer.from(await response.arrayBuffer())
    await route.fulfill({ status: response.status, headers: Object.fromEntries(response.headers), body })
  }
}

function senderOf(frame: Frame) {
  const { origin } = new URL(frame.url())
  return { origin: origin === HOST ? 'app://studio' : origin, parent: frame.parentFrame() }
}

/** Runs the built preload as a sandboxed one runs: CommonJS, and nothing to require but electron. */
function preloadScript(code: string): string {
  return `{
    const electron = {
      contextBridge: { exposeInMainWorld: (name, api) => Object.defineProperty(window, name, { value: Object.freeze(api) }) },
      ipcRenderer: {
        invoke: (channel, ...args) => window.ipcInvoke(channel, ...args),
        on: (channel, listener) => window.addEventListener('ipc:' + channel, listener.relay = (event) => listener({}, event.detail)),
        off: (channel, listener) => window.removeEventListener('ipc:' + channel, listener.relay),
      },
      webUtils: { getPathForFile: (file) => window.pathsOfFiles?.[file.name] ?? '' },
    }
    const require = (name) => {
      if (name === 'electron') return electron
      throw new Error('A sandboxed preload cannot require ' + name)
    }
    window.open = (url) => (window.askToOpen(String(url)), null)
    ;(function (exports, module) { ${code}
    })({}, { exports: {} })
  }`
}
