/**
 * From an empty studio to a checkpoint to take home, as a person without a mouse goes: every control is walked to with
 * the Tab key. What a journey shows is compared with what the command line says of the same studio.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import * as units from '../../src/renderer/ui/units.ts'
import { press, tabTo, typeInto } from './support/keyboard.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { skipWhere } from './support/skip.ts'
import { expect, root, squeeze, test } from './support/studio.ts'

const sidecar = process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar')
const MINUTES = 60_000

type Told = {
  results: { id: number; bitsPerWeight: number; sizeBytes: number; recipe: { bits: number } }[]
  evaluations: { resultId?: number; perplexity: number; klMean?: number }[]
}

async function told(home: string): Promise<Told> {
  const { status, output, errors } = await squeeze('projects', 'show', '1', '--home', home, '--json')
  expect(status, errors).toBe(0)
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Told
}

const goTo = (page: Page, section: string) =>
  press(page, page.getByRole('navigation', { name: 'Pages of the project' }).getByRole('link', { name: section }))

test('the seven journeys, from an empty studio, by keyboard alone', async ({ page, home, served }) => {
  skipWhere(!existsSync(sidecar), 'the sidecar is not built')
  test.setTimeout(25 * MINUTES)
  const complaints = listenForComplaints(page)

  await test.step('drop and look', async () => {
    await page.goto(served.url)
    await press(page, page.getByRole('button', { name: 'Open the sample' }))
    await expect(page.getByRole('heading', { name: 'sample' })).toBeVisible()
    await goTo(page, 'Checkpoint')
    await expect(page.getByText('LlamaForCausalLM')).toBeVisible()
    await expect(page.getByRole('table', { name: /fits/i })).toBeVisible()
  })

  await test.step('calibrate', async () => {
    await goTo(page, 'Sensitivity')
    await press(page, page.getByRole('button', { name: 'Calibrate…' }))
    const ask = page.getByRole('dialog', { name: 'Calibrate the checkpoint' })
    await typeInto(page, ask.getByLabel('Sequences'), '16')
    await typeInto(page, ask.getByLabel('Tokens in each'), '64')
    await press(page, ask.getByRole('button', { name: 'Calibrate', exact: true }))
    const map = page.getByRole('grid', { name: 'Σ F·w² of each matrix' })
    await expect(map).toBeVisible({ timeout: 2 * MINUTES })
    await tabTo(page, map.locator('[tabindex="0"]'))
    await page.keyboard.press('ArrowRight')
    await expect(page.getByRole('region', { name: /^Layer \d, / })).toContainText('_proj')
  })

  await test.step('sweep', async () => {
    await goTo(page, 'Sweep')
    await press(page, page.getByRole('button', { name: 'Measure a grid' }))
    await expect(page.getByRole('figure', { name: /perplexity of 12 measured recipes/ })).toBeVisible({
      timeout: 12 * MINUTES,
    })
    await tabTo(page, page.getByRole('slider', { name: 'Bits of an index' }))
    await page.keyboard.press('Home')
    await page.keyboard.press('ArrowRight')
    await page.keyboard.press('ArrowRight')
    await expect(page.getByRole('region', { name: 'Choose' })).toContainText('likely')
  })

  await test.step('quantize', async () => {
    await press(page, page.getByRole('button', { name: 'Squeeze by this' }))
    await goTo(page, 'Overview')
    const row = page.getByRole('row', { name: /^SqueezeLLM 4-bit \+ 0.45/ })
    await expect(row).toContainText(/→ [\d.]+/, { timeout: 4 * MINUTES })
    const { results, evaluations } = await told(home)
    const [result] = results
    const measured = evaluations.find(({ resultId }) => resultId === result?.id)
    for (const text of [
      units.bits(result?.bitsPerWeight ?? 0),
      units.size(result?.sizeBytes ?? 0),
      `→ ${units.perplexity(measured?.perplexity ?? 0)}`,
      units.nats(measured?.klMean ?? 0),
    ]) {
      await expect(row).toContainText(text)
    }
  })

  await test.step('chat side by side', async () => {
    await goTo(page, 'Chat')
    await typeInto(page, page.getByLabel('Most tokens'), '24')
    await typeInto(page, page.getByLabel('Prompt for both models'), 'Tell me about the cat.')
    await page.keyboard.press('Enter')
    await expect(page.getByText(/^KL [\d.e−]+ nats\/token/)).toBeVisible({ timeout: MINUTES })
    const answers = page.getByRole('group', { name: /^(Left|Right) answer/ })
    for (const answer of await answers.all()) await expect(answer).toContainText(/[\d.]+ tokens\/s/)
    await expectSound(page)
  })

  await test.step('speed', async () => {
    await goTo(page, 'Speed')
    await press(page, page.getByRole('button', { name: 'Measure…' }))
    const ask = page.getByRole('dialog', { name: 'Measure the speed' })
    await typeInto(page, ask.getByLabel('Prompt'), '32')
    await typeInto(page, ask.getByLabel('To generate'), '16')
    await press(page, ask.getByRole('button', { name: 'Measure', exact: true }))
    const speeds = page.getByRole('table', { name: 'Speed of each model' })
    for (const name of [/^Checkpoint/, /^SqueezeLLM 4-bit/])
      await expect(speeds.getByRole('row', { name })).toContainText(/[\d.]+/, { timeout: 2 * MINUTES })
  })

  await test.step('take it home', async () => {
    await goTo(page, 'Overview')
    await press(page, page.getByRole('link', { name: 'SqueezeLLM 4-bit + 0.45' }))
    await press(page, page.getByRole('button', { name: 'Export…' }))
    const ask = page.getByRole('dialog', { name: 'Export the result' })
    const out = await ask.getByLabel('Folder to make').inputValue()
    await press(page, ask.getByRole('button', { name: 'Export', exact: true }))
    await expect(ask.getByText('Exported')).toBeVisible({ timeout: MINUTES })
    expect(readdirSync(out)).toEqual(expect.arrayContaining(['config.json', 'model.safetensors', 'tokenizer.json']))
  })

  expect(complaints).toEqual([])
})
