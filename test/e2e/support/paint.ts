import type { Page } from '@playwright/test'

export const median = (values: number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

/** Milliseconds from the start of the navigation to the first text or picture. */
export async function firstPaint(page: Page): Promise<number> {
  return page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        const name = 'first-contentful-paint'
        new PerformanceObserver((list) => {
          const [entry] = list.getEntriesByName(name)
          if (entry) resolve(entry.startTime)
        }).observe({ type: 'paint', buffered: true })
      }),
  )
}

type Timing = PerformanceEventTiming & { interactionId: number }

/** Keeps how long each key and click took from the hand to the next paint, as the browser itself times it. */
export async function timeInteractions(page: Page): Promise<void> {
  await page.evaluate(() => {
    const times: [name: string, durationMs: number][] = []
    Object.assign(window, { interactionTimes: times })
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as Timing[]) {
        if (entry.interactionId > 0) times.push([entry.name, entry.duration])
      }
    }).observe({ type: 'event', durationThreshold: 16 } as PerformanceObserverInit)
  })
}

/**
 * The slowest event of an interaction, milliseconds in steps of 8; one that the browser does not report took less than
 * 16, and counts as that.
 */
export async function timed(page: Page, act: () => Promise<unknown>): Promise<number> {
  const times = () =>
    page.evaluate(() => (window as unknown as { interactionTimes: [string, number][] }).interactionTimes.splice(0))
  await times()
  await act()
  // Its paint, the one after, and the browser's report of it.
  await page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(resolve, 100)))),
  )
  return Math.max(16, ...(await times()).map(([, durationMs]) => durationMs))
}

/** Milliseconds between frames while the page scrolls down and up again, 120 pixels a frame. */
export async function frameTimes(page: Page, frames: number): Promise<number[]> {
  return page.evaluate(
    (count) =>
      new Promise<number[]>((resolve) => {
        const times: number[] = []
        let last: number | undefined
        const step = (now: number) => {
          if (last !== undefined) times.push(now - last)
          last = now
          if (times.length === count) return resolve(times)
          window.scrollBy(0, times.length < count / 2 ? 120 : -120)
          requestAnimationFrame(step)
        }
        requestAnimationFrame(step)
      }),
    frames,
  )
}
