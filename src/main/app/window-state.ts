import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { screen, type BrowserWindow, type Rectangle } from 'electron'

/** Where the window was: pixels of the screen. */
type WindowState = { bounds: Partial<Rectangle> & { width: number; height: number }; maximized: boolean }

const USUAL: WindowState = { bounds: { width: 1280, height: 860 }, maximized: false }

/** The place of the window when it was last closed, if any of it would still be on a screen. */
export function readWindowState(home: string): WindowState {
  try {
    const { bounds, maximized } = JSON.parse(readFileSync(fileIn(home), 'utf8')) as WindowState
    const { x, y, width, height } = bounds
    const numbers = [x, y, width, height].every((value) => Number.isInteger(value))
    if (!numbers || width < 400 || height < 300 || !isOnScreen(bounds as Rectangle)) return USUAL
    return { bounds, maximized: maximized === true }
  } catch {
    return USUAL
  }
}

/** Losing the place is no reason to keep a window from closing. */
export function writeWindowState(home: string, window: BrowserWindow): void {
  const state: WindowState = { bounds: window.getNormalBounds(), maximized: window.isMaximized() }
  try {
    writeFileSync(fileIn(home), `${JSON.stringify(state)}\n`)
  } catch {
    return
  }
}

function isOnScreen(bounds: Rectangle): boolean {
  const { workArea } = screen.getDisplayMatching(bounds)
  return (
    bounds.x < workArea.x + workArea.width &&
    bounds.x + bounds.width > workArea.x &&
    bounds.y < workArea.y + workArea.height &&
    bounds.y + bounds.height > workArea.y
  )
}

function fileIn(home: string): string {
  return join(home, 'window.json')
}
