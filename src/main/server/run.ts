import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { StudioError } from '../../shared/contract/studio-error.ts'
import type { Studio } from '../studio/index.ts'
import { isLoopback } from './origin.ts'
import { serve, type RunningServer, type ServeOptions } from './serve.ts'

export const USUAL_HOST = '127.0.0.1'
export const USUAL_PORT = 4816

type RunServeOptions = {
  studio: Studio
  /** Absent: the usual one, or any free one when that is taken. */
  port?: number | undefined
  host?: string | undefined
  /** Where in the page to begin: the fragment of the address. */
  place?: string | undefined
  /** Ends it. */
  signal?: AbortSignal | undefined
  /** Called once it can be used; `open` is true where others on the network reach it. */
  onReady: (server: { url: string; port: number; open: boolean }) => void
}

/** Serves the studio's page until it is told to end. */
export async function runServe({
  studio,
  port,
  host = USUAL_HOST,
  place = '',
  signal,
  onReady,
}: RunServeOptions): Promise<void> {
  const server = await start({ api: studio.pageApi(), host, pageRoot: join(studio.root, 'out', 'renderer') }, port)
  try {
    onReady({ url: server.url + place, port: server.port, open: !isLoopback(host) })
    await ended(signal)
  } finally {
    await server.close()
  }
}

async function start(options: Omit<ServeOptions, 'port'>, port: number | undefined): Promise<RunningServer> {
  if (port !== undefined) return serve({ ...options, port })
  try {
    return await serve({ ...options, port: USUAL_PORT })
  } catch (error) {
    if (error instanceof StudioError && error.code === 'busy') return serve({ ...options, port: 0 })
    throw error
  }
}

function ended(signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) resolve()
    else signal?.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Shows an address in the browser of this machine. Calls back where there is none. */
export function openInBrowser(url: string, failed: () => void): void {
  const commands: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer.exe' }
  const child = spawn(commands[process.platform] ?? 'xdg-open', [url], { stdio: 'ignore', detached: true })
  child.on('error', failed)
  child.unref()
}
