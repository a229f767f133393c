import { test } from '@playwright/test'

/** Skips the test, or those of the file, and says why where a person reads it. */
export function skipWhere(missing: boolean, reason: string): void {
  if (missing) console.log(`SKIPPED: ${reason}`)
  test.skip(missing, reason)
}
