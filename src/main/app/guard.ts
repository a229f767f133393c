import { app, session, shell } from 'electron'
import { isOurPage } from './origin.ts'

/** Addresses that a link may open in the person's own browser. */
const OUTSIDE = ['https://github.com/', 'https://arxiv.org/', 'https://huggingface.co/']

/** A window shows the page and nothing else: no other site, no further window, no web view, no permission. */
export function guardContents(): void {
  app.on('web-contents-created', (_event, contents) => {
    contents.on('will-navigate', (details) => {
      if (!isOurPage(details.url)) details.preventDefault()
    })
    contents.on('will-redirect', (details) => {
      if (!isOurPage(details.url)) details.preventDefault()
    })
    contents.on('will-attach-webview', (event) => event.preventDefault())
    contents.setWindowOpenHandler(({ url }) => {
      if (OUTSIDE.some((start) => url.startsWith(start))) void shell.openExternal(url)
      return { action: 'deny' }
    })
  })
}

/** The page asks for nothing that needs permission, but for the clipboard that its copy buttons write. */
export function refusePermissions(): void {
  const allowed = (permission: string) => permission === 'clipboard-sanitized-write'
  session.defaultSession.setPermissionRequestHandler((_contents, permission, answer) => answer(allowed(permission)))
  session.defaultSession.setPermissionCheckHandler((_contents, permission) => allowed(permission))
}
