import { renameSync } from 'node:fs'
import type { Page } from '@playwright/test'
import { test } from './support/checkpoint.ts'
import { fillStudio } from './support/fill-studio.ts'
import { expectMeasuring, openTray, startSqueeze } from './support/jobs.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { childrenOf, killAll, knowsChildren } from './support/processes.ts'
import { skipWhere } from './support/skip.ts'
import { fillDisk, makesDisks, onSmallDisk } from './support/small-disk.ts'
import { expect, startServer, startServerBy } from './support/studio.ts'

const endedIn = (page: Page) => page.getByRole('list', { name: 'Ended lately' }).getByRole('listitem')

test('a sidecar that is killed fails its job in words, and a retry goes on with another one', async ({
  page,
  checkpoint: _,
  served,
}) => {
  skipWhere(!knowsChildren, 'nobody tells here whose child the sidecar is')
  test.setTimeout(240_000)
  const complaints = listenForComplaints(page)
  await page.goto(`${served.url}#/projects/1`)
  await startSqueeze(page)
  const tray = await openTray(page)
  await expectMeasuring(tray)
  // The launcher starts the studio, and the studio its sidecar.
  killAll(childrenOf(served.processId).flatMap(childrenOf))
  const ended = endedIn(page).first()
  await expect(ended).toContainText('failed: the compute process ended unexpectedly', { timeout: 15_000 })
  await expect(ended).toContainText('The sidecar ended by signal SIGKILL.')
  await expect(ended).toContainText('The system may have run out of memory.')
  await ended.getByRole('button', { name: /^Log/ }).click()
  await expect(ended.getByRole('log')).toContainText('Failed: The sidecar ended by signal SIGKILL.')
  await expectSound(page)
  await ended.getByRole('button', { name: /^Retry/ }).click()
  await expectMeasuring(tray)
  await expect(endedIn(page).first()).toContainText('done', { timeout: 120_000 })
  expect(complaints).toEqual([])
})

test('a studio that is killed leaves an interrupted job, and the next one goes on with it', async ({
  page,
  home,
  checkpoint: _,
}) => {
  skipWhere(!knowsChildren, 'nobody tells here whose child the studio is')
  test.setTimeout(240_000)
  const first = await startServer(home, '--port', '0')
  await page.goto(`${first.url}#/projects/1`)
  await startSqueeze(page)
  let tray = await openTray(page)
  await expectMeasuring(tray)
  killAll(childrenOf(first.processId))
  await expect(page.getByText('The studio does not answer.')).toBeVisible()
  await expect(tray.getByText('Measuring perplexity')).toBeVisible()

  const second = await startServer(home, '--port', String(first.port))
  await expect(page.getByText('no longer knows this tab')).toBeVisible({ timeout: 15_000 })
  await page.goto(second.url)
  tray = await openTray(page)
  await expect(endedIn(page).first()).toContainText('interrupted: its process ended')
  await endedIn(page)
    .first()
    .getByRole('button', { name: /^Retry/ })
    .click()
  await expectMeasuring(tray)

  // Ending it in good order is no cancel either: nobody asked for the end of the job.
  expect(await second.stop()).toBe(0)
  const third = await startServer(home, '--port', '0')
  await page.goto(third.url)
  tray = await openTray(page)
  await expect(endedIn(page).first()).toContainText('interrupted: its process ended')
  await endedIn(page).first().getByRole('button', { name: 'Log of the measurement' }).click()
  await expect(tray.getByRole('log')).toContainText('Interrupted: the studio was closed.')
  await third.stop()
})

test('a checkpoint that was moved away is named, by its page and by a retry', async ({ page, checkpoint, served }) => {
  test.setTimeout(240_000)
  await page.goto(`${served.url}#/projects/1`)
  await startSqueeze(page)
  const tray = await openTray(page)
  await expectMeasuring(tray)
  await tray.getByRole('button', { name: /^Cancel/ }).click()
  await expect(endedIn(page).first()).toContainText('cancelled', { timeout: 15_000 })
  renameSync(checkpoint, `${checkpoint}-moved`)
  await endedIn(page)
    .first()
    .getByRole('button', { name: /^Retry/ })
    .click()
  await expect(tray.getByRole('alert')).toContainText(checkpoint)
  await expect(
    endedIn(page)
      .first()
      .getByRole('button', { name: /^Retry/ }),
  ).toBeEnabled()
  await page.reload()
  await expect(page.getByRole('alert')).toContainText(`${checkpoint} is gone`)
  await expect(page.getByRole('button', { name: 'Squeeze…' })).toBeDisabled()
  await expectSound(page)
  renameSync(`${checkpoint}-moved`, checkpoint)
  await page.reload()
  await expect(page.getByRole('button', { name: 'Squeeze…' })).toBeEnabled()
})

test('a full disk is named, leaves no half result, and a retry goes on once there is room', async ({ page, home }) => {
  skipWhere(!makesDisks, 'a process gets no file system of its own here')
  test.setTimeout(240_000)
  const served = await startServerBy(onSmallDisk(home, 16), home, '--port', '0')
  await page.goto(served.url)
  await page.getByRole('button', { name: 'Open the sample' }).click()
  const giveRoom = fillDisk(served.processId, home, 2)
  await startSqueeze(page, '8')
  await openTray(page)
  const ended = endedIn(page).first()
  await expect(ended).toContainText('failed: the disk is full', { timeout: 60_000 })
  await expect(ended).toContainText('No space left on the disk while writing')
  await expect(ended).toContainText('Free some space')
  await expect(page.getByText('Not squeezed yet')).toBeVisible()
  await expectSound(page)
  giveRoom()
  await ended.getByRole('button', { name: /^Retry/ }).click()
  await expect(endedIn(page).first()).toContainText('done', { timeout: 120_000 })
  await expect(page.getByRole('row', { name: /^RTN 8-bit/ })).toBeVisible()
  await served.stop()
})

test('a second tab shows the same, and what one ends the other sees', async ({
  page,
  context,
  checkpoint: _,
  served,
}) => {
  test.setTimeout(240_000)
  await page.goto(`${served.url}#/projects/1`)
  const other = await context.newPage()
  await other.goto(page.url().replace(/#.*/, '#/'))
  await startSqueeze(page)
  const trays = [await openTray(page), await openTray(other)] as const
  for (const tray of trays) await expectMeasuring(tray)
  await trays[1].getByRole('button', { name: /^Cancel/ }).click()
  for (const tab of [page, other]) {
    await expect(endedIn(tab).first()).toContainText('cancelled', { timeout: 15_000 })
    await expect(tab.getByRole('button', { name: 'Jobs: none runs', includeHidden: true })).toBeVisible()
  }
  await trays[0].getByRole('button', { name: /^Retry/ }).click()
  for (const tray of trays) await expectMeasuring(tray)
})

test('a page that breaks leaves the others and the jobs in sight', async ({ page, home, served }) => {
  const { measured } = fillStudio(home)
  // What the host never answers.
  await page.routeWebSocket(/\/wire$/, (wire) => {
    wire.connectToServer().onMessage((text) => {
      const frame = JSON.parse(text.toString()) as { result?: { checkpoint?: unknown } }
      if (frame.result?.checkpoint) frame.result.checkpoint = null
      wire.send(JSON.stringify(frame))
    })
  })
  await page.goto(`${served.url}#/projects/${measured}`)
  await expect(page.getByRole('alert')).toContainText('This page could not be shown')
  await expectSound(page)
  await expect(page.getByRole('button', { name: 'Jobs: 1 runs' })).toBeVisible()
  await page.getByRole('link', { name: 'Squeeze Studio' }).click()
  await expect(page.getByRole('link', { name: /8\.96 MB/ })).toBeVisible()
})
