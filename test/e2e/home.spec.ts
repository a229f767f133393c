import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeTinyCheckpoint } from '../fixtures/make-tiny-checkpoint.ts'
import { dragOver } from './support/drag.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { skipWhere } from './support/skip.ts'
import { expect, root, startServer, test } from './support/studio.ts'
import { SCHEMES } from './support/views.ts'

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

for (const colorScheme of SCHEMES) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme })

    test('the sample is found in the folders by keyboard alone', async ({ page, home }) => {
      skipWhere(!existsSync(sidecar), 'the sidecar is not built')
      const served = await startServer(home, '--port', '0', '--root', join(root, 'resources'))
      const complaints = listenForComplaints(page)
      await page.goto(served.url)
      await page.getByLabel('Folder of a checkpoint').focus()
      await page.keyboard.press('Tab')
      await expect(page.getByRole('button', { name: 'Browse…' })).toBeFocused()
      await page.keyboard.press('Enter')

      const ask = page.getByRole('dialog', { name: 'Open a checkpoint' })
      const list = ask.getByRole('listbox', { name: 'Folders and checkpoints' })
      await expect(list).toBeFocused()
      await expect(ask.getByRole('option', { name: /^resources/ })).toHaveAttribute('aria-selected', 'true')
      await expectSound(page)
      await page.keyboard.press('ArrowDown')
      await expect(ask.getByRole('option', { name: /^Home/ })).toHaveAttribute('aria-selected', 'true')
      await page.keyboard.press('r')
      await page.keyboard.press('Enter')
      const sample = ask.getByRole('option', { name: 'sample Checkpoint, 6.96 MB' })
      await expect(sample).toHaveAttribute('aria-selected', 'true')
      await page.keyboard.press('Backspace')
      await expect(ask.getByRole('option', { name: /^resources/ })).toHaveAttribute('aria-selected', 'true')
      await page.keyboard.press('ArrowRight')
      await expect(sample).toBeVisible()
      await expectSound(page)
      await page.keyboard.press('Enter')
      await expect(page).toHaveURL(/#\/projects\/\d+$/)
      await expect(ask).toHaveCount(0)
      await expect(page.getByRole('heading', { name: 'sample' })).toBeVisible()
      expect(complaints).toEqual([])
      await served.stop()
    })

    test('what is dropped on a browser is looked for in the folders', async ({ page, home }) => {
      const served = await startServer(home, '--port', '0', '--root', join(root, 'resources'))
      const complaints = listenForComplaints(page)
      await page.goto(served.url)
      await expect(page.getByText('Squeeze a first checkpoint')).toBeVisible()
      await dragOver(page, 'sample')
      await expect(page.getByText('Drop a checkpoint to open it')).toBeVisible()
      await expectSound(page)
      await dragOver(page, 'sample', 'drop')
      const ask = page.getByRole('dialog', { name: 'Open a checkpoint' })
      await expect(ask.getByRole('status')).toContainText('A browser does not tell where sample lies')
      await ask.getByRole('option', { name: /^resources/ }).click()
      await expect(ask.getByRole('option', { name: /^sample/ })).toHaveAttribute('aria-selected', 'true')
      await expectSound(page)
      await ask.getByRole('button', { name: 'This machine' }).click()
      await expect(ask.getByRole('option', { name: /^Studio’s folder/ })).toBeVisible()
      expect(complaints).toEqual([])
      await served.stop()
    })
  })
}

test('the sample is one button away until it has a project', async ({ page, served }) => {
  skipWhere(!existsSync(sidecar), 'the sidecar is not built')
  const complaints = listenForComplaints(page)
  await page.goto(served.url)
  const button = page.getByRole('button', { name: 'Open the sample' })
  await button.click()
  await expect(page).toHaveURL(/#\/projects\/\d+$/)
  await page.getByRole('link', { name: 'Projects' }).click()
  await expect(page.getByRole('link', { name: /sample/ })).toBeVisible()
  await expect(button).toHaveCount(0)
  expect(complaints).toEqual([])
})
