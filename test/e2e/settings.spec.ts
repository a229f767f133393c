import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { listBenchmarks, listProjects, openDatabase } from '../../src/main/db/index.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { skipWhere } from './support/skip.ts'
import { expect, root, squeeze, test } from './support/studio.ts'

const sidecar = process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar')
const sample = join(root, 'resources', 'sample')

test('threads chosen on the page are those of the jobs that it starts', async ({ page, home, served }) => {
  skipWhere(!existsSync(sidecar), 'the sidecar is not built')
  test.setTimeout(240_000)
  expect((await squeeze('inspect', sample, '--home', home)).status).toBe(0)
  const complaints = listenForComplaints(page)
  await page.goto(served.url)
  await page.getByRole('link', { name: 'Settings' }).click()
  await expect(page).toHaveTitle('Settings · Squeeze Studio')
  await expect(page.getByText(join(home, 'studio.db'))).toBeVisible()
  await expect(page.getByRole('region', { name: 'Versions' })).toContainText('Node')
  const save = page.getByRole('button', { name: 'Save' })
  await expect(save).toBeDisabled()

  // One of the two is not what this machine would take by itself.
  for (const threads of [1, 3]) {
    await page.getByLabel('Threads').fill(String(threads))
    await save.click()
    await expect(save).toBeDisabled()
    await expect(page.getByText('Saved')).toBeVisible()
    expect(JSON.parse(readFileSync(join(home, 'settings.json'), 'utf8'))).toEqual({
      threads,
      device: 'auto',
      memory: 'auto',
    })
  }
  await page.reload()
  await expect(page.getByLabel('Threads')).toHaveValue('3')

  await page.getByRole('link', { name: 'Squeeze Studio' }).click()
  await page.getByRole('link', { name: /parameters/ }).click()
  await page.getByRole('link', { name: 'Speed' }).click()
  await page.getByRole('button', { name: 'Measure…' }).click()
  const ask = page.getByRole('dialog', { name: 'Measure the speed' })
  await ask.getByLabel('Prompt').fill('16')
  await ask.getByLabel('To generate').fill('4')
  await ask.getByRole('button', { name: 'Measure' }).click()
  await expect(page.getByText(/^Measured on .* · 3 threads ·/)).toBeVisible({ timeout: 60_000 })
  const database = openDatabase(home)
  expect(listBenchmarks(database, listProjects(database)[0]?.id ?? 0).map((row) => row.threads)).toEqual([3])
  database.close()
  expect(complaints).toEqual([])
})

test('the theme is chosen there too, and the page is sound in both', async ({ page, served }) => {
  await page.emulateMedia({ colorScheme: 'light' })
  await page.goto(`${served.url}#/settings`)
  await expect(page.getByRole('region', { name: 'Versions' })).toBeVisible()
  await expectSound(page)
  await page.getByRole('radio', { name: 'Dark' }).focus()
  await page.keyboard.press('Space')
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'dark')
  await expectSound(page)
  await expect(page.getByRole('button', { name: 'Theme: dark' })).toBeVisible()
})

test('a damaged file is named, and mended by saving', async ({ page, home, served }) => {
  writeFileSync(join(home, 'settings.json'), '{ "threads": "many" }')
  await page.goto(`${served.url}#/settings`)
  await expect(page.getByText(/settings\.json is damaged: threads/)).toBeVisible()
  await expectSound(page)
  await page.getByLabel('Threads').fill('2')
  await page.getByLabel('Threads').press('Enter')
  await expect(page.getByText(/is damaged/)).toHaveCount(0)
  expect(JSON.parse(readFileSync(join(home, 'settings.json'), 'utf8'))).toEqual({
    threads: 2,
    device: 'auto',
    memory: 'auto',
  })
})

test('a memory limit is an amount or a share, and nothing else', async ({ page, home, served }) => {
  await page.goto(`${served.url}#/settings`)
  const [memory, save] = [page.getByLabel('Memory limit'), page.getByRole('button', { name: 'Save' })]
  const kept = () => JSON.parse(readFileSync(join(home, 'settings.json'), 'utf8')) as { memory: string }
  await memory.fill('plenty')
  await expect(memory).toHaveAttribute('aria-invalid', 'true')
  await expect(save).toBeDisabled()
  await expectSound(page)
  await memory.fill('50%')
  await expect(page.getByText(/50% is [\d.]+\s[GM]B of this machine’s [\d.]+\sGB\./)).toBeVisible()
  await save.click()
  await expect(page.getByText('Saved')).toBeVisible()
  expect(kept().memory).toBe('50%')
  await page.reload()
  await expect(memory).toHaveValue('50%')
  await memory.fill('')
  await save.click()
  await expect(page.getByText('Saved')).toBeVisible()
  expect(kept().memory).toBe('auto')
})
