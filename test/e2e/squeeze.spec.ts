import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listCalibrations, listProjects, listSensitivities, openDatabase } from '../../src/main/db/index.ts'
import { scientific } from '../../src/renderer/features/matrices/scales.ts'
import { makeTinyCheckpoint } from '../fixtures/make-tiny-checkpoint.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { skipWhere } from './support/skip.ts'
import { expect, root, squeeze, test } from './support/studio.ts'

const sidecar = process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar')

test('a checkpoint is squeezed from the page, and what is there already is not made again', async ({
  page,
  home,
  served,
}) => {
  skipWhere(!existsSync(sidecar), 'the sidecar is not built')
  test.setTimeout(240_000)
  const checkpoint = mkdtempSync(join(tmpdir(), 'squeeze-tiny-'))
  makeTinyCheckpoint(checkpoint)
  expect((await squeeze('inspect', checkpoint, '--home', home)).status).toBe(0)
  const complaints = listenForComplaints(page)
  await page.goto(served.url)
  await page.getByRole('link', { name: /parameters/ }).click()

  const ask = page.getByRole('dialog', { name: 'Squeeze the checkpoint' })
  await page.getByRole('button', { name: 'Squeeze…' }).click()
  await expect(ask.getByRole('radio', { name: 'Best measured' })).toBeChecked()
  await expect(ask.getByRole('combobox', { name: 'Which of them' })).toHaveValue('loss-aware')
  await expect(ask.getByText('refined in 20 steps')).toBeVisible()
  await expectSound(page)
  await ask.getByRole('combobox', { name: 'Which of them' }).selectOption('paper')
  await expect(ask.getByRole('radio', { name: 'Own' })).toBeChecked()
  await ask.getByText('As published').click()
  await expect(ask.getByText('refined in 20 steps')).toHaveCount(0)
  await ask.getByText('Round to nearest').click()
  await ask.getByText('4', { exact: true }).click()
  await expect(ask.getByText(/^about 4\.\d\d$/)).toBeVisible()
  const size = ask.getByText(/^about .* smaller than now$/)
  const before = await size.textContent()
  await ask.getByText('Advanced').click()
  await ask.getByRole('combobox', { name: 'Embedding' }).selectOption('8 bits')
  await expect(ask.getByText('embedding at 8 bits')).toBeVisible()
  await expect(size).not.toHaveText(before ?? '')
  await expectSound(page)
  await ask.getByRole('button', { name: 'Squeeze' }).click()
  await expect(ask).toHaveCount(0)
  const row = page.getByRole('row', { name: /^RTN 4-bit/ })
  await expect(row).toContainText(/→ [\d.]+/, { timeout: 60_000 })
  await expect(page.getByText('Running now')).toHaveCount(0)

  await page.getByRole('button', { name: 'Squeeze…' }).click()
  await ask.getByText('Round to nearest').click()
  await ask.getByText('4', { exact: true }).click()
  await ask.getByText('Advanced').click()
  await ask.getByRole('combobox', { name: 'Embedding' }).selectOption('8 bits')
  await ask.getByRole('button', { name: 'Squeeze' }).click()
  await expect(ask.getByText('there is nothing left to do')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(ask).toHaveCount(0)
  expect(complaints).toEqual([])
  rmSync(checkpoint, { recursive: true, force: true })
})

test('a calibration made from the page shows how sensitive each matrix is, and the arrows walk over them', async ({
  page,
  home,
  served,
}) => {
  skipWhere(!existsSync(sidecar), 'the sidecar is not built')
  test.setTimeout(240_000)
  const checkpoint = mkdtempSync(join(tmpdir(), 'squeeze-tiny-'))
  makeTinyCheckpoint(checkpoint)
  expect((await squeeze('inspect', checkpoint, '--home', home)).status).toBe(0)
  const complaints = listenForComplaints(page)
  await page.goto(served.url)
  await page.getByRole('link', { name: /parameters/ }).click()
  await page.getByRole('link', { name: 'Sensitivity' }).click()
  await expect(page.getByText('Not calibrated yet')).toBeVisible()
  await expectSound(page)

  await page.getByRole('button', { name: 'Calibrate…' }).click()
  const ask = page.getByRole('dialog', { name: 'Calibrate the checkpoint' })
  await ask.getByLabel('Sequences').fill('4')
  await ask.getByLabel('Tokens in each').fill('16')
  await expectSound(page)
  await ask.getByRole('button', { name: 'Calibrate' }).click()

  const grid = page.getByRole('grid', { name: 'Σ F·w² of each matrix' })
  await expect(grid).toBeVisible({ timeout: 60_000 })
  const database = openDatabase(home)
  const [project] = listProjects(database)
  const [calibration] = listCalibrations(database, project?.id ?? 0)
  const matrices = listSensitivities(database, calibration?.id ?? 0)
  database.close()
  expect(calibration).toMatchObject({ samples: 4, length: 16 })
  expect(matrices.length).toBeGreaterThan(0)
  for (const { layer, role, weighted } of matrices) {
    await expect(
      grid.getByRole('gridcell', { name: `Layer ${layer} ${role}: ${scientific(weighted)}`, exact: true }),
    ).toBeVisible()
  }
  await expectSound(page)
  await grid.getByRole('gridcell', { name: /^Layer 0 q:/ }).focus()
  await page.keyboard.press('ArrowRight')
  await expect(page.getByRole('region', { name: 'Layer 0, k' })).toContainText('self_attn.k_proj')
  await page.getByText('Largest F', { exact: true }).first().click()
  await expect(page.getByRole('grid', { name: 'Largest F of each matrix' })).toBeVisible()
  expect(complaints).toEqual([])
  rmSync(checkpoint, { recursive: true, force: true })
})
