import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { chromium, type LaunchOptions } from 'playwright-core'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** The browser of the system, or the one that Playwright fetched; SQUEEZE_CHROMIUM names another. */
export const chromiumPath = [
  process.env.SQUEEZE_CHROMIUM ?? '',
  ...(process.env.PATH ?? '').split(delimiter).flatMap((folder) => NAMES.map((name) => join(folder, name))),
  chromium.executablePath(),
].find((path) => path !== '' && existsSync(path))

/** Chromium's own sandbox refuses to start for root. */
export const chromiumOptions: LaunchOptions = {
  ...(chromiumPath === undefined ? {} : { executablePath: chromiumPath }),
  args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
}
