import type { AnswerFrame, RequestFrame } from '../../shared/contract/studio/frame.ts'
import type { StudioNotice } from '../../shared/contract/studio/index.ts'
import { makeNoticeboard, Refusal, type Client, type Link } from './client.ts'

const FIRST_WAIT_MS = 250
const LONGEST_WAIT_MS = 5_000

type Pending = { frame: RequestFrame; resolve: (result: never) => void; reject: (error: Refusal) => void }

/**
 * The client in a browser. Requests made while there is no connection wait for it; those that were sent when it broke
 * are refused as retryable, since nobody knows how far they got.
 */
export function openSocketClient(address: string): Client {
  const board = makeNoticeboard()
  const watchers = new Set<(link: Link) => void>()
  const sent = new Map<number, Pending>()
  let waiting: Pending[] = []
  let socket: WebSocket
  let link: Link = 'connecting'
  let waitMs = FIRST_WAIT_MS
  let nextId = 1

  function setLink(next: Link) {
    if (link === next) return
    link = next
    for (const watcher of watchers) watcher(next)
  }

  function post(pending: Pending) {
    sent.set(pending.frame.id, pending)
    socket.send(JSON.stringify(pending.frame))
  }

  function receive(text: string) {
    const frame = JSON.parse(text) as AnswerFrame | StudioNotice
    if ('event' in frame) return board.tell(frame)
    const pending = sent.get(frame.id)
    sent.delete(frame.id)
    if ('error' in frame) pending?.reject(new Refusal(frame.error))
    else pending?.resolve(frame.result as never)
  }

  function connect() {
    socket = new WebSocket(address)
    socket.onopen = () => {
      waitMs = FIRST_WAIT_MS
      setLink('open')
      for (const pending of waiting.splice(0)) post(pending)
    }
    socket.onmessage = (message: MessageEvent<string>) => receive(message.data)
    socket.onclose = () => {
      const lost = [...sent.values(), ...waiting]
      sent.clear()
      waiting = []
      for (const { reject } of lost) {
        reject(new Refusal({ code: 'busy', message: 'The studio does not answer.', retryable: true }))
      }
      void reconnect()
    }
  }

  /** A browser does not say why a socket was refused, so ask for the session itself. */
  async function reconnect() {
    const answer = await fetch('/session').catch(() => null)
    setLink(answer?.status === 401 ? 'locked' : 'lost')
    setTimeout(connect, waitMs)
    waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)
  }

  connect()
  return {
    call: (method, params) =>
      new Promise((resolve, reject) => {
        const pending: Pending = { frame: { id: nextId++, method, params }, resolve, reject }
        if (socket.readyState === WebSocket.OPEN) post(pending)
        else waiting.push(pending)
      }),
    on: board.on,
    watchLink: (watcher) => {
      watchers.add(watcher)
      watcher(link)
      return () => watchers.delete(watcher)
    },
  }
}
