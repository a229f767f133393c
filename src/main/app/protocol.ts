import { protocol } from 'electron'
import { PAGE_HEADERS, type Page } from '../studio/page.ts'
import { APP_SCHEME, isOurPage } from './origin.ts'

/** Must run before the app is ready. */
export function claimScheme(): void {
  protocol.registerSchemesAsPrivileged([
    { scheme: APP_SCHEME, privileges: { standard: true, secure: true, supportFetchAPI: true, codeCache: true } },
  ])
}

/** Answers app://studio/… with the built page, and with nothing else. */
export function servePage(page: Page): void {
  protocol.handle(APP_SCHEME, async (request) => {
    const file =
      isOurPage(request.url) && request.method === 'GET' ? await page.read(new URL(request.url).pathname) : null
    if (!file) return new Response('No such file.', { status: 404, headers: PAGE_HEADERS })
    return new Response(new Uint8Array(file.body), { headers: file.headers })
  })
}
