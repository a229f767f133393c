import type { Locator, Page } from '@playwright/test'
import { expect } from './studio.ts'

/** Begins the fastest squeeze from the page of the project in sight: its measurement takes seconds, the rest less. */
export async function startSqueeze(page: Page, bits = '4'): Promise<void> {
  await page.getByRole('button', { name: 'Squeeze…' }).click()
  const ask = page.getByRole('dialog', { name: 'Squeeze the checkpoint' })
  await ask.getByText('Round to nearest').click()
  await ask.getByText(bits, { exact: true }).click()
  await ask.getByRole('button', { name: 'Squeeze' }).click()
  await expect(ask).toHaveCount(0)
}

export async function openTray(page: Page): Promise<Locator> {
  await page.getByRole('button', { name: /^Jobs:/ }).click()
  const tray = page.getByRole('dialog', { name: 'Jobs' })
  await expect(tray).toBeVisible()
  return tray
}

/** Waits until the tray's job measures, and is neither at its beginning nor its end. */
export async function expectMeasuring(tray: Locator): Promise<void> {
  await expect(tray.getByText('Measuring perplexity')).toBeVisible({ timeout: 30_000 })
  await expect
    .poll(async () => Number(await tray.getByRole('progressbar').getAttribute('aria-valuenow')), { timeout: 30_000 })
    .toBeGreaterThan(4)
}
