import type { Locator, Page } from '@playwright/test'
import { expect } from './studio.ts'

const MOST_PRESSES = 80

/** Walks with the Tab key until the control is in focus: a person without a mouse has no other way to it. */
export async function tabTo(page: Page, control: Locator): Promise<void> {
  await expect(control).toBeVisible()
  const inFocus = () => control.evaluate((element) => element === document.activeElement)
  for (let presses = 0; presses < MOST_PRESSES && !(await inFocus()); presses++) await page.keyboard.press('Tab')
  await expect(control).toBeFocused()
}

/** Walks to a button or a link and uses it. */
export async function press(page: Page, control: Locator): Promise<void> {
  await tabTo(page, control)
  await page.keyboard.press('Enter')
}

/** Walks to a field and types over what it holds. */
export async function typeInto(page: Page, field: Locator, text: string): Promise<void> {
  await tabTo(page, field)
  await page.keyboard.press('Control+a')
  await page.keyboard.type(text)
}
