import type { StudioBridge } from '../../shared/contract/studio/bridge.ts'
import { openSocketClient } from './socket-client.ts'
import { openWindowClient } from './window-client.ts'

declare global {
  interface Window {
    /** Put there by the preload; absent in a browser. */
    squeezeStudio?: StudioBridge
  }
}

function socketAddress(): string {
  const { protocol, host } = window.location
  return `${protocol === 'https:' ? 'wss' : 'ws'}://${host}/wire`
}

/** The one client of this page. */
export const client = window.squeezeStudio ? openWindowClient(window.squeezeStudio) : openSocketClient(socketAddress())

/** Where a dropped file lies: only the window knows, never a browser. */
export const pathOf = window.squeezeStudio?.pathOf

export { refusalInfo, type Link } from './client.ts'
