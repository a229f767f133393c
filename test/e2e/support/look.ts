import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { expect } from './studio.ts'

/** Until what moves has come to rest: half of a dialog's fading in is text that cannot be read. */
async function expectRest(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const moving = () =>
      document.getAnimations().filter(({ effect }) => Number.isFinite(effect?.getComputedTiming().endTime))
    // What was asked for just now begins to move a few frames later.
    for (let still = 0; still < 4; still += 1) {
      await new Promise(requestAnimationFrame)
      if (moving().length > 0) still = -1
    }
  })
}

/** What no page may have: text that cannot be read, controls without names, content wider than the window. */
export async function expectSound(page: Page): Promise<void> {
  await expectRest(page)
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([])
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
  expect(excess).toBe(0)
}

/** Collects what the page complains of; a page that works complains of nothing. */
export function listenForComplaints(page: Page): string[] {
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  return complaints
}
