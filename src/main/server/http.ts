import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { PAGE_HEADERS, type Page } from '../studio/page.ts'
import type { Session } from './session.ts'

/** What a person sees who comes without the token: the reason and the way in, in a page that needs no script. */
const LOCKED = `<!doctype html><html lang="en"><meta charset="utf-8"><title>Squeeze Studio</title>
<meta name="viewport" content="width=device-width"><style>
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:32em;margin:20vh auto;padding:0 1.5em}
h1{font-size:1.25em}code{font-size:.95em}</style>
<h1>This studio needs its key</h1>
<p>Open the whole address that <code>squeeze serve</code> printed in its terminal, with the part after <code>?token=</code>.
The key changes every time the studio starts.</p></html>`

/** Answers GET: the exchange of the token, then the files of the page. Everything else is refused. */
export function pageHandler(page: Page, session: Session, isOurHost: (host?: string) => boolean): RequestListener {
  return (request, response) => {
    answer(page, session, isOurHost, request, response).catch(() => {
      if (!response.headersSent) send(response, 500, 'The file could not be read.\n')
    })
  }
}

async function answer(
  page: Page,
  session: Session,
  isOurHost: (host?: string) => boolean,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!isOurHost(request.headers.host)) return send(response, 421, 'This server does not go by that name.\n')
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return send(response, 405, 'Only GET.\n', { allow: 'GET, HEAD' })
  const url = URL.parse(request.url ?? '/', 'http://localhost')
  if (!url) return send(response, 400, 'Not an address.\n')
  if (url.searchParams.has('token')) return exchange(session, url, response)
  if (!session.acceptsCookieHeader(request.headers.cookie)) {
    return send(response, 401, LOCKED, { 'content-type': 'text/html; charset=utf-8' })
  }
  if (url.pathname === '/session') return send(response, 204, '')
  const file = await page.read(url.pathname)
  if (!file) return send(response, 404, 'No such file.\n')
  send(response, 200, request.method === 'HEAD' ? '' : file.body, file.headers)
}

function exchange(session: Session, url: URL, response: ServerResponse): void {
  if (!session.acceptsToken(url.searchParams.get('token'))) {
    return send(response, 401, LOCKED, { 'content-type': 'text/html; charset=utf-8' })
  }
  url.searchParams.delete('token')
  // A path such as //host would send the browser elsewhere; only the place of the page is ours to name.
  const place = url.pathname.replace(/^\/+/, '/') + url.search
  send(response, 303, '', { location: place, 'set-cookie': session.cookie })
}

function send(
  response: ServerResponse,
  status: number,
  body: string | Buffer,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'cache-control': 'no-store',
    ...PAGE_HEADERS,
    ...headers,
  })
  response.end(body)
}
