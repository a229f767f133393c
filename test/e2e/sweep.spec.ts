import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { listProjects, listSweepPoints, openDatabase } from '../../src/main/db/index.ts'
import { perplexity } from '../../src/renderer/ui/units.ts'
import { makeTinyCheckpoint } from '../fixtures/make-tiny-checkpoint.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { skipWhere } from './support/skip.ts'
import { expect, root, squeeze, test } from './support/studio.ts'

const sidecar = process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar')

// Calibrates, tabulates and measures for real: some twenty seconds.
test('a grid is measured from the page, the sliders answer from it, and a budget becomes a recipe', async ({
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
  await page.getByRole('link', { name: 'Sweep', exact: true }).click()
  await expect(page.getByText('Nothing is tabulated yet')).toBeVisible()
  await expectSound(page)

  await page.getByRole('button', { name: 'Measure a grid' }).click()
  await expect(
    page.getByRole('figure', { name: 'Bits per weight against perplexity of 12 measured recipes' }),
  ).toBeVisible({
    timeout: 180_000,
  })
  const database = openDatabase(home)
  const [project] = listProjects(database)
  const points = listSweepPoints(database, project?.id ?? 0)
  expect(points).toHaveLength(12)
  const chosen = points.find(({ recipe }) => recipe.bits === 3 && recipe.sparsity === 0.0045)
  const fact = (name: string) =>
    page.getByRole('region', { name: 'Choose' }).locator('dt', { hasText: name }).locator('+ dd')
  await expect(fact('Perplexity, measured')).toHaveText(perplexity(chosen?.point.perplexity ?? 0))
  await expect(fact('Perplexity, predicted')).toHaveText(/^[\d.,]+, likely [\d.,]+ to [\d.,]+$/)
  await expect(page.getByRole('button', { name: 'Measured' })).toBeDisabled()
  await expectSound(page)

  // By keyboard: one bit more.
  await page.getByRole('slider', { name: 'Bits of an index' }).focus()
  await page.keyboard.press('ArrowRight')
  const wider = points.find(({ recipe }) => recipe.bits === 4 && recipe.sparsity === 0.0045)
  await expect(fact('Perplexity, measured')).toHaveText(perplexity(wider?.point.perplexity ?? 0))
  await page.keyboard.press('ArrowRight')
  await expect(fact('Perplexity, measured')).toHaveText('not yet')

  await page.getByText('Within a budget').click()
  await expect(page.getByRole('table', { name: /Bits for each matrix/ })).toBeVisible()
  await expectSound(page)
  await page.getByRole('button', { name: 'Measure this' }).click()
  await expect(page.getByRole('button', { name: 'Measured' })).toBeDisabled({ timeout: 60_000 })
  const mixed = listSweepPoints(database, project?.id ?? 0).at(-1)
  expect(mixed?.recipe.overrides?.length).toBeGreaterThan(0)
  await expect(fact('Perplexity, measured')).toHaveText(perplexity(mixed?.point.perplexity ?? 0))
  database.close()
  expect(complaints).toEqual([])
  rmSync(checkpoint, { recursive: true, force: true })
})
