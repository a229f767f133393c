import { contextBridge, ipcRenderer, webUtils, type IpcRendererEvent } from 'electron'
import { CALL_CHANNEL, NOTICE_CHANNEL, type StudioBridge } from '../shared/contract/studio/bridge.ts'
import type { StudioNotice } from '../shared/contract/studio/index.ts'

type Answer = Awaited<ReturnType<StudioBridge['call']>>

/** All that the page gets of Electron: three functions, and never an event object. */
const bridge: StudioBridge = {
  call: (method, params) => ipcRenderer.invoke(CALL_CHANNEL, method, params) as Promise<Answer>,
  onNotice: (listener) => {
    const relay = (_event: IpcRendererEvent, notice: StudioNotice) => listener(notice)
    ipcRenderer.on(NOTICE_CHANNEL, relay)
    return () => void ipcRenderer.off(NOTICE_CHANNEL, relay)
  },
  pathOf: (file) => webUtils.getPathForFile(file),
}

contextBridge.exposeInMainWorld('squeezeStudio', bridge)
