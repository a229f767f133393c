import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { fail } from '../../shared/contract/studio-error.ts'

/** The built page, as both shells serve it: what files there are, their types, and the rules the page runs under. */
export type Page = {
  /** The file behind the path of a URL, or null. */
  read: (pathname: string) => Promise<{ body: Buffer; headers: Record<string, string> } | null>
}

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
}

/** No inline script, nothing from elsewhere. Inline styles are allowed: the component library sets its variables so. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/**
 * The files are listed once and looked up by name, so that a request can name nothing outside the folder, whatever it
 * is made of.
 */
export function openPage(root: string): Page {
  const files = new Map<string, string>()
  for (const path of listFiles(root)) files.set(`/${path}`, join(root, path))
  const index = files.get('/index.html')
  if (!index)
    throw fail('file-not-found', `The page is not built: ${root} has no index.html.`, { hint: 'Run npm start.' })
  files.set('/', index)
  return {
    read: async (pathname) => {
      const file = files.get(pathname)
      if (!file) return null
      return { body: await readFile(file), headers: headersOf(file, pathname) }
    },
  }
}

function listFiles(root: string, folder = ''): string[] {
  try {
    // Folder by folder: within a package this is Electron's readdir, which does not know all that Node's does.
    return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? listFiles(root, `${folder}${entry.name}/`) : [`${folder}${entry.name}`],
    )
  } catch {
    return []
  }
}

function headersOf(file: string, pathname: string): Record<string, string> {
  const hashed = pathname.startsWith('/assets/')
  return {
    'content-type': TYPES[extname(file)] ?? 'application/octet-stream',
    'cache-control': hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    ...PAGE_HEADERS,
  }
}

/** On every answer, page or not. */
export const PAGE_HEADERS: Record<string, string> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
}
