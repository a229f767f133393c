import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeTinyCheckpoint } from '../fixtures/make-tiny-checkpoint.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { skipWhere } from './support/skip.ts'
import { expect, root, test } from './support/studio.ts'

const sidecar = process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar')

test('a checkpoint is opened by its path, by keyboard alone; a wrong one is named', async ({ page, served }) => {
  skipWhere(!existsSync(sidecar), 'the sidecar is not built')
  const checkpoint = mkdtempSync(join(tmpdir(), 'squeeze-tiny-'))
  makeTinyCheckpoint(checkpoint)
  const complaints = listenForComplaints(page)
  await page.goto(served.url)
  const path = page.getByLabel('Folder of a checkpoint')
  await path.focus()
  await page.keyboard.type(join(checkpoint, 'nowhere'))
  await page.keyboard.press('Enter')
  await expect(page.getByRole('alert')).toContainText(join(checkpoint, 'nowhere'))
  await expectSound(page)
  await path.fill(checkpoint)
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/#\/projects\/\d+$/)
  await expect(page.getByText('Not squeezed yet')).toBeVisible()
  await expect(page.getByText(/tokens, with(out)? a chat template/)).toBeVisible()
  expect(complaints).toEqual([])
  rmSync(checkpoint, { recursive: true, force: true })
})
