import type { ErrorInfo } from '../errors.ts'
import type { StudioNotice } from './index.ts'

/** What the preload puts before the page as `window.squeezeStudio`: three functions, no Electron. */
export type StudioBridge = {
  /** Never rejects: the answer or the failure as data. */
  call: (method: string, params: unknown) => Promise<{ result: unknown } | { error: ErrorInfo }>
  /** Returns a function that ends the subscription. */
  onNotice: (listener: (notice: StudioNotice) => void) => () => void
  /** Where a dropped folder or file lies; empty for one that is nowhere on disk. */
  pathOf: (file: File) => string
}

/** Names of the channels between the preload and the Electron main process. */
export const CALL_CHANNEL = 'studio:call'
export const NOTICE_CHANNEL = 'studio:notice'
