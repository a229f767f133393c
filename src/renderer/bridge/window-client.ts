import type { StudioBridge } from '../../shared/contract/studio/bridge.ts'
import { makeNoticeboard, Refusal, type Client } from './client.ts'

/** The client in the window: the preload carries requests and notices; the host is always there. */
export function openWindowClient(bridge: StudioBridge): Client {
  const board = makeNoticeboard()
  bridge.onNotice(board.tell)
  return {
    call: async (method, params) => {
      const answer = await bridge.call(method, params)
      if ('error' in answer) throw new Refusal(answer.error)
      return answer.result as never
    },
    on: board.on,
    watchLink: (watcher) => {
      watcher('open')
      return () => undefined
    },
  }
}
