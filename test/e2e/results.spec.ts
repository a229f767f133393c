import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import {
  listEvaluations,
  listProjects,
  listResultMatrices,
  listResults,
  openDatabase,
  type EvaluationRow,
  type ResultRow,
} from '../../src/main/db/index.ts'
import * as units from '../../src/renderer/ui/units.ts'
import { fillStudio } from './support/fill-studio.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { skipWhere } from './support/skip.ts'
import { expect, root, squeeze, startServer, test } from './support/studio.ts'
import { SCHEMES } from './support/views.ts'

const sidecar = process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar')
const sample = join(root, 'resources', 'sample')
const text = join(sample, 'heldout.txt')

/** The sample squeezed twice without calibration, each measured beside it, in a studio of its own. */
test.describe('with the sample', () => {
  let home: string
  test.beforeAll(async () => {
    skipWhere(!existsSync(sidecar), 'the sidecar is not built')
    skipWhere(!existsSync(join(root, 'out', 'main', 'cli.js')), 'the studio is not built')
    test.setTimeout(300_000)
    home = mkdtempSync(join(tmpdir(), 'squeeze-results-'))
    for (const bits of ['4', '3']) {
      const made = await squeeze('quantize', sample, '--method', 'rtn', '--bits', bits, '--home', home, '--json')
      const { out } = lastLine(made.output)
      const limit = ['--limit-windows', '4']
      const measured = await squeeze('evaluate', out, '--against', sample, '--text', text, ...limit, '--home', home)
      expect(measured.status).toBe(0)
    }
  })
  test.afterAll(() => rmSync(home, { recursive: true, force: true }))

  test('a result tells what the database and the command line tell', async ({ page }) => {
    const { projectId, results, evaluations } = recorded(home)
    const [result] = results
    const evaluation = evaluations.find(({ resultId }) => resultId === result?.id)
    if (!result || !evaluation) throw new Error('Nothing was recorded.')
    const shown = await squeeze('projects', 'show', String(projectId), '--home', home, '--json')
    const told = lastLine(shown.output)
    const served = await startServer(home, '--port', '0')
    const complaints = listenForComplaints(page)
    await page.goto(`${served.url}#/projects/${projectId}`)
    await page.getByRole('link', { name: 'RTN 3-bit' }).click()
    await expect(page).toHaveURL(new RegExp(`#/projects/${projectId}/results/${result.id}$`))
    await expect(page).toHaveTitle('RTN 3-bit · sample · Squeeze Studio')

    const figure = (name: string) => figureOf(page, name)
    const fromCli = told.results.find(({ id }) => id === result.id)
    await expect(figure('Bits per weight').first()).toHaveText(units.bits(fromCli?.bitsPerWeight ?? 0))
    await expect(figure('Size on disk').first()).toHaveText(units.size(fromCli?.sizeBytes ?? 0).replace('\u00a0', ' '))
    await expect(figure('Perplexity, measured on heldout.txt').first()).toHaveText(
      units.perplexity(evaluation.perplexity ?? 0),
    )
    const row = page.getByRole('row', { name: /heldout\.txt · 4 windows/ })
    const fact = (value: number | null, words: (value: number) => string) => (value === null ? '?' : words(value))
    await expect(row).toContainText(fact(evaluation.againstPerplexity, units.perplexity))
    await expect(row).toContainText(fact(evaluation.perplexity, units.perplexity))
    await expect(row).toContainText(fact(evaluation.klMean, units.nats))
    await expect(row).toContainText(fact(evaluation.top1Agreement, units.share))

    const map = page.getByRole('grid', { name: 'Relative error of each matrix' })
    for (const { layer, role, relativeError } of matricesOf(home, result.id)) {
      const name = `Layer ${layer} ${role}: ${units.percent(relativeError)}`
      await expect(map.getByRole('gridcell', { name, exact: true })).toBeVisible()
    }
    await page.getByText('Table', { exact: true }).click()
    await expect(page.getByRole('table', { name: 'Matrices' }).getByRole('row')).toHaveCount(
      matricesOf(home, result.id).length + 1,
    )
    await expect(page.getByText(`squeeze chat ${result.path}`)).toBeVisible()
    expect(complaints).toEqual([])
    await served.stop()
  })

  for (const colorScheme of SCHEMES) {
    test.describe(colorScheme, () => {
      test.use({ colorScheme })

      test('the pages of a result and of two can be read by all', async ({ page }) => {
        // Five audits by axe.
        test.setTimeout(180_000)
        const { projectId, results } = recorded(home)
        const [first, second] = results
        const served = await startServer(home, '--port', '0')
        const complaints = listenForComplaints(page)
        await page.goto(`${served.url}#/projects/${projectId}/results/${first?.id}`)
        await expect(page.getByRole('grid')).toBeVisible()
        await expectSound(page)
        await page.getByRole('button', { name: 'Evaluate…' }).click()
        await page.getByText('A file or a folder').click()
        await expectSound(page)
        await page.keyboard.press('Escape')
        await page.getByRole('button', { name: 'Export…' }).click()
        await expect(page.getByLabel('Folder to make')).toHaveValue(join(home, 'exports', 'sample-rtn-3bit-hf-fp16'))
        await expectSound(page)
        await page.keyboard.press('Escape')
        await page.goto(`${page.url().split('#')[0]}#/projects/${projectId}/compare/${first?.id}/${second?.id}`)
        await expect(page.getByRole('grid')).toBeVisible()
        await expectSound(page)
        await page.goto(`${page.url().split('#')[0]}#/projects/${projectId}/results/999`)
        await expect(page.getByText('There is no result 999 here')).toBeVisible()
        await expectSound(page)
        expect(complaints).toEqual([])
        await served.stop()
      })
    })
  }

  test('two are chosen and compared by keyboard alone', async ({ page }) => {
    const { projectId, results, evaluations } = recorded(home)
    const [three, four] = results
    const served = await startServer(home, '--port', '0')
    await page.goto(`${served.url}#/projects/${projectId}`)
    for (const name of ['Compare RTN 4-bit', 'Compare RTN 3-bit']) {
      await page.getByRole('checkbox', { name }).focus()
      await page.keyboard.press('Space')
    }
    await page.getByRole('button', { name: 'Compare', exact: true }).focus()
    await page.keyboard.press('Enter')
    await expect(page).toHaveURL(new RegExp(`#/projects/${projectId}/compare/${four?.id}/${three?.id}$`))
    const perplexityOf = (id?: number) => evaluations.find(({ resultId }) => resultId === id)?.perplexity ?? 0
    const row = page.getByRole('row', { name: /^Perplexity/ })
    await expect(row).toContainText(units.perplexity(perplexityOf(four?.id)))
    await expect(row).toContainText(units.perplexity(perplexityOf(three?.id)))
    const rise = units.change(perplexityOf(three?.id) / perplexityOf(four?.id) - 1)
    await expect(row).toContainText(rise)
    await page.getByRole('button', { name: 'Swap' }).press('Enter')
    await expect(page).toHaveURL(new RegExp(`#/projects/${projectId}/compare/${three?.id}/${four?.id}$`))
    await served.stop()
  })

  test('an evaluation of another window cannot be compared, and the page says why', async ({ page }) => {
    test.setTimeout(120_000)
    const { projectId, results } = recorded(home)
    const [three, four] = results
    const served = await startServer(home, '--port', '0')
    await page.goto(`${served.url}#/projects/${projectId}/results/${four?.id}`)
    await page.getByRole('button', { name: 'Evaluate…' }).click()
    const ask = page.getByRole('dialog', { name: 'Measure the perplexity' })
    await ask.getByText('A file or a folder').click()
    await ask.getByLabel('Path of the text').fill('heldout.txt')
    await ask.getByRole('button', { name: 'Evaluate' }).click()
    await expect(ask.getByRole('alert')).toContainText('a path from the root is needed')
    await ask.getByLabel('Path of the text').fill(text)
    await ask.getByLabel('Tokens in a window').fill('64')
    await ask.getByLabel('Most windows').fill('3')
    await ask.getByRole('button', { name: 'Evaluate' }).click()
    await expect(page.getByRole('row', { name: /heldout\.txt · 3 windows of 64 tokens/ })).toBeVisible({
      timeout: 60_000,
    })
    await page.goto(`${page.url().split('#')[0]}#/projects/${projectId}/compare/${three?.id}/${four?.id}`)
    const lone = page.getByRole('region', { name: 'Not comparable', exact: true })
    await expect(lone.getByRole('row', { name: /3 windows of 64 tokens/ })).toContainText(
      'the other was measured with windows of 512 tokens',
    )
    await served.stop()
  })

  test('an export says where it went, and the file is there', async ({ page }) => {
    test.setTimeout(120_000)
    const { projectId, results } = recorded(home)
    const served = await startServer(home, '--port', '0')
    await page.goto(`${served.url}#/projects/${projectId}/results/${results[0]?.id}`)
    await page.getByRole('button', { name: 'Export…' }).click()
    const ask = page.getByRole('dialog', { name: 'Export the result' })
    const out = join(home, 'exports', 'sample-rtn-3bit-hf-fp16')
    await ask.getByRole('button', { name: 'Export', exact: true }).click()
    await expect(ask.getByText('Exported')).toBeVisible({ timeout: 60_000 })
    await expectSound(page)
    expect(readdirSync(out)).toEqual(expect.arrayContaining(['config.json', 'model.safetensors', 'tokenizer.json']))
    await ask.getByRole('button', { name: 'Done' }).click()
    await expect(page.getByRole('row', { name: /^Hugging Face, FP16/ })).toContainText(out)
    await page.getByRole('button', { name: 'Export…' }).click()
    await ask.getByRole('button', { name: 'Export', exact: true }).click()
    await expect(ask.getByRole('alert')).toContainText(`${out} exists already.`)
    await served.stop()
  })

  test('a result is deleted and brought back by keyboard, with all that was measured of it', async ({ page }) => {
    test.setTimeout(120_000)
    const { projectId, results, evaluations } = recorded(home)
    const [result] = results
    if (!result) throw new Error('Nothing was recorded.')
    const served = await startServer(home, '--port', '0')
    await page.goto(`${served.url}#/projects/${projectId}/results/${result.id}`)
    await page.getByRole('button', { name: 'Delete' }).focus()
    await page.keyboard.press('Enter')
    await expect(page).toHaveURL(new RegExp(`#/projects/${projectId}$`))
    await expect(page.getByRole('link', { name: 'RTN 3-bit' })).toHaveCount(0)
    await expect(page.getByText('RTN 3-bit deleted.')).toBeVisible()
    // Whoever is at the notice keeps it, however long the audit takes.
    await page.getByRole('button', { name: 'Undo' }).focus()
    await expectSound(page)
    expect(existsSync(result.path)).toBe(false)
    expect(recorded(home).results.map(({ id }) => id)).not.toContain(result.id)
    await page.keyboard.press('Enter')
    await expect(page.getByRole('link', { name: 'RTN 3-bit' })).toBeVisible()
    await expect(page.getByRole('button', { name: 'Undo' })).toHaveCount(0)
    expect(existsSync(join(result.path, 'model.safetensors'))).toBe(true)
    expect(recorded(home).evaluations).toEqual(evaluations)

    await page.getByRole('link', { name: 'RTN 3-bit' }).click()
    await page.getByRole('button', { name: 'Delete' }).click()
    await expect(page.getByText('RTN 3-bit deleted.')).toBeVisible()
    await page.keyboard.press('Control+z')
    await expect(page.getByRole('link', { name: 'RTN 3-bit' })).toBeVisible()

    // Long after the notice is gone, the page still offers it.
    await page.getByRole('link', { name: 'RTN 3-bit' }).click()
    await page.getByRole('button', { name: 'Delete' }).click()
    await page.getByRole('button', { name: 'Dismiss' }).click()
    await page.reload()
    const deleted = page.getByRole('region', { name: 'Deleted results', exact: true })
    await expect(deleted.getByRole('row', { name: /^RTN 3-bit/ })).toContainText('now')
    await expectSound(page)
    await deleted.getByRole('button', { name: 'Restore RTN 3-bit' }).focus()
    await page.keyboard.press('Enter')
    await expect(page.getByRole('link', { name: 'RTN 3-bit' })).toBeVisible()
    await expect(deleted).toHaveCount(0)
    expect(recorded(home).evaluations).toEqual(evaluations)
    await served.stop()
  })
})

test('the table and the chart are taken away as files', async ({ page, home, served }) => {
  const { measured } = fillStudio(home)
  const complaints = listenForComplaints(page)
  await page.goto(`${served.url}#/projects/${measured}`)
  await expect(page.getByRole('figure')).toBeVisible({ timeout: 20_000 })
  const csv = (await save(page, 'Save as… (table)', 'CSV')).toString('utf8')
  expect(csv.split('\r\n')).toHaveLength(1 + 1 + 5 + 1)
  expect(csv).toContain('5.934')
  const json = JSON.parse((await save(page, 'Save as… (table)', 'JSON')).toString('utf8')) as { perplexity: number }[]
  expect(json.map(({ perplexity }) => perplexity).sort()).toEqual([3.352, 3.412, 3.561, 3.683, 3.792, 5.934])
  const svg = (await save(page, 'Save as… (chart)', 'SVG')).toString('utf8')
  expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/)
  expect(svg).toContain('RTN 3-bit')
  expect(svg).not.toContain('var(')
  const png = await save(page, 'Save as… (chart)', 'PNG')
  expect(png.subarray(1, 4).toString()).toBe('PNG')
  expect(png.readUInt32BE(16)).toBeGreaterThan(800)
  expect(complaints).toEqual([])
})

test('what does not lie in the studio’s folder is forgotten, and stays', async ({ page, home, served }) => {
  const { measured } = fillStudio(home)
  await page.goto(`${served.url}#/projects/${measured}`)
  await page.getByRole('link', { name: 'RTN 3-bit' }).click()
  await expect(page.getByText('What each matrix', { exact: false })).toHaveCount(0)
  await page.getByRole('button', { name: 'Forget' }).click()
  await expect(page.getByText('RTN 3-bit forgotten; its folder stays where it is.')).toBeVisible()
  expect(existsSync(join(home, 'trash'))).toBe(false)
  await expect(page.getByRole('button', { name: 'Undo' })).toHaveCount(0, { timeout: 15_000 })
})

async function save(page: Page, menu: string, kind: string): Promise<Buffer> {
  await page.getByRole('button', { name: menu }).click()
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('menu', { name: menu }).getByRole('menuitem', { name: kind, exact: true }).click(),
  ])
  return readFileSync(await file.path())
}

function recorded(home: string): { projectId: number; results: ResultRow[]; evaluations: EvaluationRow[] } {
  const database = openDatabase(home)
  const projectId = listProjects(database)[0]?.id ?? 0
  const found = {
    projectId,
    results: listResults(database, projectId),
    evaluations: listEvaluations(database, projectId),
  }
  database.close()
  return found
}

function matricesOf(home: string, resultId: number) {
  const database = openDatabase(home)
  const matrices = listResultMatrices(database, resultId)
  database.close()
  expect(matrices.length).toBeGreaterThan(0)
  return matrices
}

/** The value beneath a name of the large figures. */
function figureOf(page: Page, name: string) {
  return page.locator('dl > div', { has: page.getByText(name, { exact: true }) }).locator('dd')
}

function lastLine(output: string) {
  return JSON.parse(output.trim().split('\n').at(-1) ?? '{}') as {
    out: string
    results: { id: number; bitsPerWeight: number; sizeBytes: number }[]
  }
}
