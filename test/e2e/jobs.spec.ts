import { listJobs, listResults, openDatabase } from '../../src/main/db/index.ts'
import { test } from './support/checkpoint.ts'
import { fillStudio } from './support/fill-studio.ts'
import { expectMeasuring, openTray, startSqueeze } from './support/jobs.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { expect } from './support/studio.ts'
import { SCHEMES } from './support/views.ts'

test('a job is watched from another page, outlives a reload, is cancelled in the tray, and goes on with a retry', async ({
  page,
  home,
  checkpoint: _,
  served,
}) => {
  test.setTimeout(240_000)
  const complaints = listenForComplaints(page)
  await page.goto(`${served.url}#/projects/1`)
  await startSqueeze(page)
  await page.getByRole('link', { name: 'Projects' }).click()
  await expect(page.getByRole('button', { name: 'Jobs: 1 runs' })).toBeVisible()
  await page.reload()
  let tray = await openTray(page)
  await expectMeasuring(tray)
  await tray.getByRole('button', { name: 'Log of the measurement' }).first().click()
  await expect(tray.getByRole('log')).toContainText('Reading the text: heldout.txt')
  await expectSound(page)

  await tray.getByRole('button', { name: 'Cancel measuring perplexity' }).click()
  const ended = tray.getByRole('list', { name: 'Ended lately' }).getByRole('listitem')
  await expect(ended.first()).toContainText('cancelled', { timeout: 15_000 })
  await expect(page.getByRole('button', { name: 'Jobs: none runs', includeHidden: true })).toBeVisible()
  await ended.first().getByRole('button', { name: 'Log of the measurement' }).click()
  await expect(ended.first().getByRole('log')).toContainText('Cancelled.')

  await page.reload()
  tray = await openTray(page)
  await ended.first().getByRole('button', { name: 'Retry measurement' }).click()
  await expectMeasuring(tray)
  await expect(tray.getByRole('button', { name: /^Retry/ })).toHaveCount(0)
  await expect(ended.first()).toContainText('done', { timeout: 120_000 })
  await expect(page.getByRole('button', { name: 'Jobs: none runs', includeHidden: true })).toBeVisible()
  await tray.getByRole('link').first().click()
  await expect(tray).toHaveCount(0)
  await expect(page.getByRole('row', { name: /^RTN 4-bit/ })).toContainText(/→ [\d.]+/)

  const database = openDatabase(home)
  expect(listJobs(database).map(({ kind, state }) => `${kind} ${state}`)).toEqual([
    'evaluation done',
    'evaluation cancelled',
    'quantization done',
  ])
  expect(listResults(database, 1)).toHaveLength(1)
  database.close()
  expect(complaints).toEqual([])
})

for (const colorScheme of SCHEMES) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme })

    test('the tray before the first job, and with jobs of every state', async ({ page, home, served }) => {
      const complaints = listenForComplaints(page)
      await page.goto(served.url)
      let tray = await openTray(page)
      await expect(tray.getByText('No job runs.')).toBeVisible()
      await expectSound(page)
      await page.keyboard.press('Escape')
      await expect(tray).toHaveCount(0)
      await expect(page.getByRole('button', { name: /^Jobs:/ })).toBeFocused()
      fillStudio(home)
      await expect(page.getByRole('button', { name: 'Jobs: 1 runs' })).toBeVisible()
      tray = await openTray(page)
      await expect(tray.getByText('failed: a tensor is missing')).toBeVisible()
      await expect(tray.getByText('21.4 M weights/s · about 40 s left')).toBeVisible()
      await tray.getByRole('button', { name: 'Log of the squeeze' }).first().click()
      await expect(tray.getByText('No log is kept of this job.')).toBeVisible()
      await tray.getByRole('button', { name: 'Cancel squeezing' }).click()
      await expect(tray.getByRole('alert')).toContainText('does not run in this studio')
      await expectSound(page)
      expect(complaints).toEqual([])
    })
  })
}
