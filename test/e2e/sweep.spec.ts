import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { listProjects, listSweepPoints, openDatabase } from '../../src/main/db/index.ts'
import { perplexity } from '../../src/renderer/ui/units.ts'
import type { TableRecord } from '../../src/shared/export/table-text.ts'
import { makeTinyCheckpoint } from '../fixtures/make-tiny-checkpoint.ts'
import { fillSweep } from './support/fill-sweep.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { skipWhere } from './support/skip.ts'
import { expect, root, squeeze, startServer, test } from './support/studio.ts'

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
  await expect(fact('Perplexity, measured')).toHaveText(measuredText(chosen?.point.perplexity))
  await expect(fact('Perplexity, predicted')).toHaveText(/^[\d.,]+ \([+−±].*\), likely [\d.,]+ to [\d.,]+$/)
  await expect(page.getByRole('button', { name: 'Measured', exact: true })).toBeDisabled()
  await expectSound(page)

  // By keyboard: one bit more.
  await page.getByRole('slider', { name: 'Bits of an index' }).focus()
  await page.keyboard.press('ArrowRight')
  const wider = points.find(({ recipe }) => recipe.bits === 4 && recipe.sparsity === 0.0045)
  await expect(fact('Perplexity, measured')).toHaveText(measuredText(wider?.point.perplexity))
  await page.keyboard.press('ArrowRight')
  await expect(fact('Perplexity, measured')).toHaveText('not yet')

  await page.getByText('Within a budget').click()
  await expect(page.getByRole('table', { name: 'Bits of each matrix' })).toBeVisible()
  await expectSound(page)
  await page.getByRole('button', { name: 'Measure this' }).click()
  await expect(page.getByRole('button', { name: 'Measured', exact: true })).toBeDisabled({ timeout: 60_000 })
  const mixed = listSweepPoints(database, project?.id ?? 0).at(-1)
  expect(mixed?.recipe.overrides?.length).toBeGreaterThan(0)
  await expect(fact('Perplexity, measured')).toHaveText(measuredText(mixed?.point.perplexity))
  database.close()

  // What is taken away says what the command line says.
  const csv = (await taken(page, 'Save as… (table)', 'CSV')).toString('utf8')
  expect(csv.trim().split('\r\n')).toHaveLength(1 + 13)
  const records = JSON.parse((await taken(page, 'Save as… (table)', 'JSON')).toString('utf8')) as TableRecord[]
  const again = await squeeze(
    'sweep',
    checkpoint,
    '--home',
    home,
    '--json',
    '--report',
    join(checkpoint, 'report.html'),
  )
  const told = JSON.parse(again.output.trim().split('\n').at(-1) ?? '{}') as {
    fresh: number
    points: { measured: { perplexity: number; sizeBytes: number } }[]
  }
  expect(told.fresh).toBe(0)
  for (const { measured } of told.points)
    expect(records).toContainEqual(
      expect.objectContaining({ perplexity: measured.perplexity, sizeBytes: measured.sizeBytes }),
    )
  const report = readFileSync(join(checkpoint, 'report.html'), 'utf8')
  for (const { measured } of told.points) expect(report).toContain(`<td>${perplexity(measured.perplexity)}</td>`)
  expect(complaints).toEqual([])
  rmSync(checkpoint, { recursive: true, force: true })
})

test('a point is chosen by keyboard, exceptions hold, and both outlive a restart', async ({ page, home, served }) => {
  test.setTimeout(180_000)
  const projectId = fillSweep(home, { layers: 4 })
  const complaints = listenForComplaints(page)
  await page.goto(`${served.url}#/projects/${projectId}/sweep`)
  const chart = page.getByRole('figure', { name: 'Bits per weight against perplexity of 15 measured recipes' })
  await expect(chart).toBeVisible({ timeout: 30_000 })
  await expectSound(page)
  await chart.getByRole('button', { pressed: true }).focus()
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('Enter')
  await expect(chart.getByRole('button', { pressed: true })).toBeFocused()
  const figure = chart.getByRole('button', { pressed: true })
  await expect(figure).toHaveAccessibleName(/^Mixed widths, perplexity .* measured/)

  await page.getByText('Within a budget').click()
  const map = page.getByRole('table', { name: 'Bits of each matrix' })
  await map.getByRole('button', { name: 'Keep down of all layers at 16 bits' }).press('Enter')
  await expect(map.getByRole('button', { name: /^Layer 2 down,\s+16/ })).toHaveAttribute('aria-pressed', 'true')
  await expect(page.getByText('squeeze recipe')).toContainText("--keep '*.down_proj'")
  await page.getByRole('checkbox', { name: '2 bits', exact: true }).uncheck()
  await page.getByRole('checkbox', { name: 'The same in all of a layer' }).check()
  await expect(page.getByText('squeeze recipe')).toContainText('--same-in-layer')
  await expectSound(page)

  const frames = await page.getByRole('slider', { name: 'Bits per weight, at most' }).evaluate(async (slider) => {
    const times: number[] = []
    for (let turn = 0; turn < 12; turn++) {
      const begun = performance.now()
      slider.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowRight', bubbles: true }))
      await new Promise((painted) => requestAnimationFrame(() => setTimeout(painted, 0)))
      times.push(performance.now() - begun)
    }
    return times.sort((a, b) => a - b)
  })
  console.log(`From a step of the slider to the next frame: ${frames[6]?.toFixed(1)} ms (median of 12)`)
  expect(frames[6]).toBeLessThan(500)

  for (const what of ['sparsity chart', 'size chart', 'allotment']) {
    const svg = (await taken(page, `Save as… (${what})`, 'SVG')).toString('utf8')
    expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
    expect(svg).not.toContain('var(')
    const png = await taken(page, `Save as… (${what})`, 'PNG')
    expect(png.subarray(1, 4).toString()).toBe('PNG')
  }
  const [report] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: 'Save report' }).click(),
  ])
  expect(readFileSync(await report.path(), 'utf8')).toContain('<h1>Sweep of Llama-7B</h1>')

  // Longer than the page waits before it has a choice kept.
  await page.waitForTimeout(600)
  // From here on it may complain: its studio is gone.
  expect(complaints).toEqual([])
  await served.stop()
  const next = await startServer(home, '--port', '0')
  await page.goto(`${next.url}#/projects/${projectId}/sweep`)
  await expect(page.getByRole('checkbox', { name: 'The same in all of a layer' })).toBeChecked({ timeout: 30_000 })
  await expect(page.getByRole('checkbox', { name: '2 bits', exact: true })).not.toBeChecked()
  await expect(page.getByText('squeeze recipe')).toContainText("--keep '*.down_proj'")
  await next.stop()
})

/** As the page writes it, with whatever rise. */
function measuredText(value: number | undefined): RegExp {
  return new RegExp(`^${perplexity(value ?? 0).replace('.', '\\.')} \\(`)
}

async function taken(page: Page, menu: string, kind: string): Promise<Buffer> {
  await page.getByRole('button', { name: menu }).click()
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('menu', { name: menu }).getByRole('menuitem', { name: kind, exact: true }).click(),
  ])
  return readFileSync(await file.path())
}
