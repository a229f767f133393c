import { ipcMain, type IpcMainInvokeEvent, type WebContents } from 'electron'
import { CALL_CHANNEL, NOTICE_CHANNEL, type StudioBridge } from '../../shared/contract/studio/bridge.ts'
import { fail, toErrorInfo } from '../../shared/contract/studio-error.ts'
import type { StudioApi } from '../studio/api.ts'
import { APP_ORIGIN } from './origin.ts'

type Answer = Awaited<ReturnType<StudioBridge['call']>>

/** Answers the page's requests; anything that is not our page's top frame is refused. */
export function answerPage(api: StudioApi): void {
  ipcMain.handle(CALL_CHANNEL, async (event, method: unknown, params: unknown): Promise<Answer> => {
    try {
      if (!isOurFrame(event)) throw fail('invalid-request', 'Only the studio’s own page may ask.')
      return { result: await api.call(String(method), params) }
    } catch (error) {
      return { error: toErrorInfo(error) }
    }
  })
}

/** Carries what happens to a window for as long as it lives. */
export function tellPage(api: StudioApi, contents: WebContents): void {
  const unsubscribe = api.subscribe((notice) => contents.send(NOTICE_CHANNEL, notice))
  contents.once('destroyed', unsubscribe)
}

/** The frame is null once it has navigated away or is gone. */
function isOurFrame({ senderFrame }: IpcMainInvokeEvent): boolean {
  return senderFrame !== null && senderFrame.origin === APP_ORIGIN && senderFrame.parent === null
}
