import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  await ask.getByText('Round to nearest').click()
  await ask.getByText('4', { exact: true }).click()
  await expect(ask.getByText(/^about 4\.\d\d$/)).toBeVisible()
  await expectSound(page)
  await ask.getByRole('button', { name: 'Squeeze' }).click()
  await expect(ask).toHaveCount(0)
  const row = page.getByRole('row', { name: /^RTN 4-bit/ })
  await expect(row).toContainText(/→ [\d.]+/, { timeout: 60_000 })
  await expect(page.getByText('Running now')).toHaveCount(0)

  await page.getByRole('button', { name: 'Squeeze…' }).click()
  await ask.getByText('Round to nearest').click()
  await ask.getByText('4', { exact: true }).click()
  await ask.getByRole('button', { name: 'Squeeze' }).click()
  await expect(ask.getByText('there is nothing left to do')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(ask).toHaveCount(0)
  expect(complaints).toEqual([])
  rmSync(checkpoint, { recursive: true, force: true })
})
