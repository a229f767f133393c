import type { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'
import { requestFrame, type AnswerFrame, type EventFrame } from '../../shared/contract/studio/frame.ts'
import { toErrorInfo } from '../../shared/contract/studio-error.ts'
import type { StudioApi } from '../studio/api.ts'
import { isOurOrigin } from './origin.ts'
import type { Session } from './session.ts'

/** A request is names and numbers; anything larger is not from our page. */
const MAX_FRAME_BYTES = 1 << 20
/** A page that does not read is cut off before it fills our memory; it comes back and asks anew. */
const MAX_WAITING_BYTES = 8 << 20

/** Speaks the studio's wire on the path /wire with pages that this server served. Returns a function that ends it. */
export function openSocket(
  server: Server,
  api: StudioApi,
  session: Session,
  isOurHost: (host?: string) => boolean,
): () => void {
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_FRAME_BYTES })
  server.on('upgrade', (request, stream, head) => {
    const { host, origin, cookie } = request.headers
    if (!isOurHost(host)) return refuse(stream, 421, 'Misdirected Request')
    if (!isOurOrigin(origin, host)) return refuse(stream, 403, 'Forbidden')
    if (!session.acceptsCookieHeader(cookie)) return refuse(stream, 401, 'Unauthorized')
    if (request.url !== '/wire') return refuse(stream, 404, 'Not Found')
    sockets.handleUpgrade(request, stream, head, (socket) => serve(socket, api))
  })
  const unsubscribe = api.subscribe((notice) => {
    const text = JSON.stringify(notice satisfies EventFrame)
    for (const socket of sockets.clients) post(socket, text)
  })
  return () => {
    unsubscribe()
    for (const socket of sockets.clients) socket.close(1001, 'The studio is closing.')
    sockets.close()
  }
}

function serve(socket: WebSocket, api: StudioApi): void {
  socket.on('error', () => socket.terminate())
  socket.on('message', (data: Buffer) => {
    const request = parse(data)
    if (!request) return socket.close(1008, 'Not a request.')
    void api.call(request.method, request.params).then(
      (result) => post(socket, JSON.stringify({ id: request.id, result } satisfies AnswerFrame)),
      (error: unknown) =>
        post(socket, JSON.stringify({ id: request.id, error: toErrorInfo(error) } satisfies AnswerFrame)),
    )
  })
}

function parse(data: Buffer) {
  try {
    return requestFrame.safeParse(JSON.parse(data.toString('utf8'))).data
  } catch {
    return undefined
  }
}

function post(socket: WebSocket, text: string): void {
  if (socket.readyState !== socket.OPEN) return
  if (socket.bufferedAmount > MAX_WAITING_BYTES) return socket.terminate()
  socket.send(text)
}

function refuse(stream: Duplex, status: number, words: string): void {
  stream.on('error', () => stream.destroy())
  // Whoever does not hang up in turn would keep the connection, and the server from closing.
  stream.once('finish', () => stream.destroy())
  stream.end(`HTTP/1.1 ${status} ${words}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
