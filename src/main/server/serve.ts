import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { hostname } from 'node:os'
import { fail } from '../../shared/contract/studio-error.ts'
import type { StudioApi } from '../studio/api.ts'
import { openPage } from '../studio/page.ts'
import { pageHandler } from './http.ts'
import { isLoopback, isOurHost } from './origin.ts'
import { openSession } from './session.ts'
import { openSocket } from './socket.ts'

export type ServeOptions = {
  api: StudioApi
  /** Folder of the built page. */
  pageRoot: string
  /** Address to listen at; a loopback one keeps the studio on this machine. */
  host: string
  /** 0 takes any free port. */
  port: number
}

export type RunningServer = {
  port: number
  /** Address with the token: whoever opens it is let in. */
  url: string
  close: () => Promise<void>
}

/** Starts the local server. Throws output-unwritable or busy with words when the address cannot be had. */
export async function serve({ api, pageRoot, host, port }: ServeOptions): Promise<RunningServer> {
  const page = openPage(pageRoot)
  const server = createServer({ maxHeaderSize: 16 << 10 })
  await listen(server, host, port)
  const bound = (server.address() as AddressInfo).port
  const session = openSession(bound)
  const ours = (header?: string) => isOurHost(header, host, bound)
  server.on('request', pageHandler(page, session, ours))
  const closeSocket = openSocket(server, api, session, ours)
  return {
    port: bound,
    url: `http://${nameInUrl(host)}:${bound}/?token=${session.token}`,
    close: async () => {
      closeSocket()
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeAllConnections()
      await closed
    },
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenFailure(error, host, port)))
    server.listen(port, host, () => resolve())
  })
}

function listenFailure(error: NodeJS.ErrnoException, host: string, port: number): Error {
  if (error.code === 'EADDRINUSE') {
    return fail('busy', `Port ${port} on ${host} is taken by another program.`, {
      hint: 'Choose another with --port, or leave --port away to take a free one.',
    })
  }
  if (error.code === 'EACCES')
    return fail('invalid-request', `Port ${port} may not be used by this user.`, { hint: 'Choose one above 1023.' })
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return fail('invalid-request', `${host} is not an address of this machine.`, {
      hint: 'Leave --host away to stay on this machine.',
    })
  }
  return error
}

/** Every address is no address a browser can open; a name of this machine is. */
function nameInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return hostname()
  if (isLoopback(host) && host !== '::1') return host
  return host.includes(':') ? `[${host}]` : host
}
