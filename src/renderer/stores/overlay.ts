import { create } from 'zustand'

/** What may lie over the page, from wherever it is asked for. One at a time, and none after a reload. */
export type Overlay = 'jobs' | 'palette' | 'shortcuts' | 'squeeze' | 'calibrate' | 'open'

export const useOverlay = create<{ overlay: Overlay | null }>(() => ({ overlay: null }))

export function showOverlay(overlay: Overlay): void {
  useOverlay.setState({ overlay })
}

export function closeOverlay(): void {
  useOverlay.setState({ overlay: null })
}
