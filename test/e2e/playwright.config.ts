import { defineConfig } from '@playwright/test'
import { chromiumOptions } from './support/chromium.ts'

/** The built studio in a real browser. One worker: the tests start processes that want the machine for themselves. */
export default defineConfig({
  testDir: '.',
  outputDir: '../../test-results',
  workers: 1,
  timeout: 60_000,
  // Room for a machine that others use as well; what is there at once is not waited for.
  expect: { timeout: 20_000 },
  forbidOnly: Boolean(process.env.CI),
  use: {
    launchOptions: chromiumOptions,
    locale: 'en-GB',
    timezoneId: 'UTC',
    screenshot: 'only-on-failure',
    // A trace takes pictures all the time, and with them half of a small machine: only for who looks for a cause.
    trace: process.env.SQUEEZE_TRACE ? 'retain-on-failure' : 'off',
  },
})
