import { openDatabase, updateJobProgress, endJob } from '../../src/main/db/index.ts'
import { fillStudio } from './support/fill-studio.ts'
import { tabTo } from './support/keyboard.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { expect, test } from './support/studio.ts'
import { SCHEMES, SIZES } from './support/views.ts'

for (const colorScheme of SCHEMES) {
  for (const viewport of SIZES) {
    test.describe(`${colorScheme}, ${viewport.width} × ${viewport.height}`, () => {
      test.use({ colorScheme, viewport })

      test('nothing yet', async ({ page, served }) => {
        const complaints = listenForComplaints(page)
        await page.goto(served.url)
        await expect(page.getByText('squeeze run path/to/checkpoint')).toBeVisible()
        await expect(page.getByText('Processor')).toBeVisible()
        await expectSound(page)
        expect(complaints).toEqual([])
      })

      test('projects and one of them', async ({ page, home, served }) => {
        const { measured } = fillStudio(home)
        const complaints = listenForComplaints(page)
        await page.goto(served.url)
        await expect(page.getByRole('link', { name: /sample.*8\.96 MB → 2\.19 MB/ })).toBeVisible()
        await expect(page.getByText('Processor')).toBeVisible()
        await expectSound(page)
        await page.getByRole('link', { name: /8\.96 MB/ }).click()
        await expect(page).toHaveURL(new RegExp(`#/projects/${measured}$`))
        await expect(page).toHaveTitle('sample · Squeeze Studio')
        await expect(page.getByRole('figure')).toBeVisible()
        await expectSound(page)
        expect(complaints).toEqual([])
      })
    })
  }
}

test('perplexities of one stamp stand together, those of another only when chosen', async ({ page, home, served }) => {
  const { measured } = fillStudio(home)
  await page.goto(`${served.url}#/projects/${measured}`)
  const row = (name: RegExp) => page.getByRole('row', { name })
  await expect(row(/^RTN 3-bit/)).toContainText('3.352 → 5.934')
  await expect(row(/^RTN 3-bit/)).toContainText('+77.0 %')
  await expect(page.getByText('3.297')).toHaveCount(0)
  await page.getByLabel('How perplexity was measured').selectOption({ index: 1 })
  await expect(row(/^Checkpoint/)).toContainText('3.297')
  await expect(row(/^RTN 3-bit/)).toContainText('not measured')
  await expect(page.getByText('Nothing to compare yet')).toBeVisible()
})

test('what another process writes shows up by itself', async ({ page, home, served }) => {
  await page.goto(served.url)
  await expect(page.getByText('Squeeze a first checkpoint')).toBeVisible()
  const { jobs, measured } = fillStudio(home)
  await expect(page.getByRole('link', { name: /TinyStories-656K/ })).toBeVisible()
  await expect(page.getByRole('progressbar')).toHaveAttribute('aria-valuenow', '42')
  await page.goto(`${page.url().split('#')[0]}#/projects/${measured}`)
  const database = openDatabase(home)
  updateJobProgress(database, jobs.running, { stage: 'Packing', fraction: 0.9, rate: 2e6, rateUnit: 'weights/s' })
  await expect(page.getByText('Packing')).toBeVisible()
  await expect(page.getByText('2.00 M weights/s')).toBeVisible()
  endJob(database, jobs.running, { state: 'done', now: Date.now() })
  database.close()
  await expect(page.getByText('Running now')).toHaveCount(0)
})

test('a failure says what, where and what to do', async ({ page, home, served }) => {
  const { measured, fresh } = fillStudio(home)
  await page.goto(`${served.url}#/projects/${measured}`)
  await expect(page.getByText('failed: a tensor is missing')).toBeVisible()
  await expect(page.getByText('stage open · layer 5')).toBeVisible()
  await page.goto(`${page.url().split('#')[0]}#/projects/${fresh}`)
  await expect(page.getByText('Not squeezed yet')).toBeVisible()
  await page.goto(`${page.url().split('#')[0]}#/projects/999`)
  await expect(page.getByText('There is no project 999.')).toBeVisible()
  await page.goto(`${page.url().split('#')[0]}#/nowhere`)
  await expect(page.getByText('There is no such page')).toBeVisible()
})

test('the keyboard reaches everything, and a chosen theme outlives a reload', async ({ page, home, served }) => {
  const { measured } = fillStudio(home)
  await page.emulateMedia({ colorScheme: 'light' })
  await page.goto(served.url)
  await expect(page.getByRole('link', { name: /8\.96 MB/ })).toBeVisible()
  await tabTo(page, page.getByRole('button', { name: /^Theme/ }))
  await page.keyboard.press('Enter')
  await page.getByRole('menuitemradio', { name: 'Dark' }).press('Enter')
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'dark')
  await page.reload()
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'dark')
  const line = page.getByRole('link', { name: /8\.96 MB/ })
  await tabTo(page, line)
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(new RegExp(`#/projects/${measured}$`))
})
