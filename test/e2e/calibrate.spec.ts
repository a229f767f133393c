import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { listCalibrations, listProjects, openDatabase } from '../../src/main/db/index.ts'
import { makeTinyCheckpoint } from '../fixtures/make-tiny-checkpoint.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { skipWhere } from './support/skip.ts'
import { expect, root, squeeze, startServer, test } from './support/studio.ts'

const sidecar = process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar')
const sampleText = join(root, 'resources', 'sample', 'calibration.txt')

async function openDialog(page: Page) {
  await page.getByRole('link', { name: 'Sensitivity' }).click()
  await page.getByRole('button', { name: 'Calibrate…' }).first().click()
  return page.getByRole('dialog', { name: 'Calibrate the checkpoint' })
}

// Plans and calibrates for real.
test('a calibration is planned before it starts, on a text that is found in the folders', async ({ page, home }) => {
  skipWhere(!existsSync(sidecar), 'the sidecar is not built')
  test.setTimeout(240_000)
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-texts-'))
  const checkpoint = join(folder, 'tiny')
  makeTinyCheckpoint(checkpoint)
  mkdirSync(join(folder, 'texts'))
  copyFileSync(sampleText, join(folder, 'texts', 'long.txt'))
  writeFileSync(join(folder, 'texts', 'short.txt'), 'An old silent pond')
  writeFileSync(join(folder, 'texts', 'picture.png'), '')
  expect((await squeeze('inspect', checkpoint, '--home', home)).status).toBe(0)
  const served = await startServer(home, '--port', '0', '--root', folder)
  const complaints = listenForComplaints(page)
  try {
    await page.goto(served.url)
    await page.getByRole('link', { name: /parameters/ }).click()
    let ask = await openDialog(page)
    const plan = ask.getByRole('region', { name: 'What it will need' })
    await ask.getByLabel('Sequences').fill('4')
    await ask.getByLabel('Tokens in each').fill('16')
    await expect(plan).toContainText(/4 of [\d,]+, 16 tokens each/, { timeout: 60_000 })
    await expect(plan).toContainText(/about [\d.]+\s.*on (cpu|cuda:0)/)
    await expect(ask).toContainText('Cancelling pauses it')
    await expectSound(page)

    // What is changed is what is planned.
    await ask.getByLabel('Sequences').fill('8')
    await expect(plan).toContainText('8 of')
    await ask.getByLabel('Squared gradients').selectOption('token')
    await expect(plan).toHaveAttribute('aria-busy', 'false')

    await ask.getByRole('button', { name: 'Browse…' }).click()
    const list = ask.getByRole('listbox', { name: 'Folders and texts' })
    await list.getByRole('option', { name: new RegExp(`^${folder.split('/').at(-1) ?? ''}`) }).click()
    await list.getByRole('option', { name: /^texts/ }).click()
    await expect(list.getByRole('option', { name: 'short.txt' })).toBeVisible()
    await expect(list.getByRole('option', { name: 'picture.png' })).toHaveCount(0)
    await expect(ask.getByRole('button', { name: 'All 2 texts here' })).toBeVisible()
    await expectSound(page)
    await list.getByRole('option', { name: 'short.txt' }).click()
    await ask.getByRole('button', { name: 'Take' }).click()
    await expect(plan).toContainText('short.txt has')
    await expect(ask.getByRole('button', { name: 'Calibrate' })).toBeDisabled()
    await expectSound(page)

    // The folder looked at last is where it begins again.
    await ask.getByRole('button', { name: 'Browse…' }).click()
    await list.getByRole('option', { name: 'long.txt' }).dblclick()
    await expect(plan).toContainText('long.txt', { timeout: 30_000 })
    await ask.getByRole('button', { name: 'Calibrate' }).click()
    await expect(page.getByRole('grid', { name: 'Σ F·w² of each matrix' })).toBeVisible({ timeout: 60_000 })

    const database = openDatabase(home)
    const [calibration] = listCalibrations(database, listProjects(database)[0]?.id ?? 0)
    database.close()
    expect(calibration).toMatchObject({ samples: 8, length: 16, estimator: 'token', textName: 'long.txt' })

    // What was chosen last is what is offered, in another tab, too.
    await page.reload()
    ask = await openDialog(page)
    await expect(ask.getByLabel('Text')).toHaveValue(join(folder, 'texts', 'long.txt'))
    await expect(ask.getByLabel('Sequences')).toHaveValue('8')
    await expect(ask.getByLabel('Tokens in each')).toHaveValue('16')
    await expect(ask.getByLabel('Squared gradients')).toHaveValue('token')
    expect(complaints).toEqual([])
  } finally {
    await served.stop()
    rmSync(folder, { recursive: true, force: true })
  }
})
