import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { listChats, listProjects, listTurns, openDatabase } from '../../src/main/db/index.ts'
import { samplePaths } from '../../src/main/studio/root.ts'
import { makeTinyCheckpoint } from '../fixtures/make-tiny-checkpoint.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { skipWhere } from './support/skip.ts'
import { expect, root, squeeze, test } from './support/studio.ts'
import { SCHEMES } from './support/views.ts'

const sidecar = process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar')
const { checkpoint: sample } = samplePaths(root)
const PROMPT = 'Tell me about the cat.'

type Said = { text: string; generatedTokens: number }

const box = (page: Page) => page.getByLabel('Prompt for both models')
const answer = (page: Page, side: 'Left' | 'Right', turn = 0) =>
  page.getByRole('group', { name: new RegExp(`^${side} answer`) }).nth(turn)
const tokens = (page: Page, turn = 0) => page.getByRole('listbox', { name: /^Tokens of the right answer/ }).nth(turn)

/** The sample with a result of two bits: it says other things than the checkpoint. */
async function squeezeSample(home: string): Promise<string> {
  const out = join(home, 'rtn2')
  const made = await squeeze('quantize', sample, '--method', 'rtn', '--bits', '2', '--out', out, '--home', home)
  expect(made.status).toBe(0)
  return out
}

async function openChat(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await page.getByRole('link', { name: /parameters/ }).click()
  await page.getByRole('link', { name: 'Chat' }).click()
}

async function ask(page: Page, prompt: string, turn = 0): Promise<void> {
  await box(page).fill(prompt)
  await page.keyboard.press('Enter')
  await expect(page.getByText(/^KL [\d.e−]+ nats\/token/).nth(turn)).toBeVisible({ timeout: 60_000 })
}

/** The sample with room for thousands of tokens, and without an end of its own. */
function makeTalkative(home: string): string {
  const folder = join(home, 'talkative')
  cpSync(sample, folder, { recursive: true })
  const change = (name: string, part: object) => {
    const file = join(folder, name)
    const known = JSON.parse(readFileSync(file, 'utf8')) as object
    writeFileSync(file, JSON.stringify({ ...known, ...part }))
  }
  change('config.json', { eos_token_id: 0, max_position_embeddings: 4096 })
  change('generation_config.json', { eos_token_id: 0 })
  change('special_tokens_map.json', { eos_token: '<|bos|>' })
  change('tokenizer_config.json', { eos_token: '<|bos|>' })
  return folder
}

/** Asks for far more than anybody waits for, and is there while the left model answers. */
async function askAtLength(page: Page): Promise<void> {
  await page.getByText('Carry text on').click()
  await page.getByLabel('Most tokens').fill('4000')
  await box(page).fill('The cat')
  await page.keyboard.press('Enter')
  await expect(answer(page, 'Left')).toContainText(/tokens so far/, { timeout: 60_000 })
}

/** What the command line says to the same. */
async function said(model: string, home: string, ...settings: string[]): Promise<Said> {
  const { status, output } = await squeeze('chat', model, '--prompt', PROMPT, ...settings, '--json', '--home', home)
  expect(status).toBe(0)
  return JSON.parse(output.trim().split('\n').at(-1) ?? '') as Said
}

function storedTurns(home: string) {
  const database = openDatabase(home)
  const [project] = listProjects(database)
  const [chat] = listChats(database, project?.id ?? 0)
  const turns = listTurns(database, chat?.id ?? 0)
  database.close()
  return turns
}

test.beforeEach(() => skipWhere(!existsSync(sidecar), 'the sidecar is not built'))

test('both models answer as they do on the command line, and the right answer is compared token by token', async ({
  page,
  home,
  served,
}) => {
  test.setTimeout(240_000)
  const result = await squeezeSample(home)
  const complaints = listenForComplaints(page)
  await openChat(page, served.url)
  await expect(page.getByText('Nothing said yet')).toBeVisible()
  await expect(page.getByLabel('Right model')).toHaveValue('1')
  await expectSound(page)

  await page.getByLabel('Temperature').fill('0.8')
  await page.getByLabel('Seed').fill('7')
  await page.getByLabel('Most tokens').fill('24')
  await ask(page, PROMPT)
  const settings = ['--temperature', '0.8', '--seed', '7', '--max-tokens', '24']
  for (const [side, model] of [
    ['Left', sample],
    ['Right', result],
  ] as const) {
    const { text, generatedTokens } = await said(model, home, ...settings)
    expect(generatedTokens).toBeGreaterThan(1)
    const shown = side === 'Left' ? answer(page, side).locator('p').first() : tokens(page)
    expect(await shown.evaluate((element) => element.textContent)).toBe(text)
    await expect(answer(page, side)).toContainText(`${generatedTokens} tokens · `)
    await expect(answer(page, side)).toContainText(/[\d.]+ tokens\/s · first token after/)
  }
  const [turn] = storedTurns(home)
  expect(turn?.divergence?.kl).toHaveLength(turn?.answers[1].pieces.length ?? 0)
  expect(Math.max(...(turn?.divergence?.kl ?? []))).toBeGreaterThan(0.01)
  const differs = turn?.answers[1].pieces.findIndex((piece, index) => piece !== turn.answers[0].pieces[index])
  expect(turn?.firstDifference).toBe(differs)
  await expect(tokens(page).getByRole('option', { name: /first token that differs/ })).toHaveCount(1)

  // A second prompt goes on from the first; what is cached is not read again.
  await ask(page, 'Where does it live?', 1)
  await expect(answer(page, 'Left', 1)).toContainText(/prompt tokens read, \d+ cached/)
  const before = await page.getByRole('article').allInnerTexts()
  await page.reload()
  await expect(page.getByRole('article')).toHaveCount(2)
  expect(await page.getByRole('article').allInnerTexts()).toEqual(before)
  await expect(page.getByLabel('Seed')).toHaveValue('7')

  for (const colorScheme of SCHEMES) {
    await page.emulateMedia({ colorScheme })
    await tokens(page).focus()
    await expectSound(page)
  }
  expect(complaints).toEqual([])
})

test('a model does not diverge from itself; all of it goes by keyboard', async ({ page, home, served }) => {
  test.setTimeout(120_000)
  await squeeze('inspect', sample, '--home', home)
  const complaints = listenForComplaints(page)
  await openChat(page, served.url)
  await page.getByLabel('Most tokens').fill('20')
  await page.getByLabel('Right model').focus()
  await page.keyboard.press('Tab')
  await expect(box(page)).toBeFocused()
  await page.keyboard.type(PROMPT)
  await page.keyboard.press('Enter')
  await expect(answer(page, 'Right')).toContainText(/KL 0\.000 nats\/token, largest 0\.000/, { timeout: 60_000 })
  await expect(answer(page, 'Right')).toContainText('answers are the same')
  const [turn] = storedTurns(home)
  for (const kl of turn?.divergence?.kl ?? [1]) expect(kl).toBeCloseTo(0, 12)
  expect(turn?.answers[1].pieces).toEqual(turn?.answers[0].pieces)

  await expect(box(page)).toHaveValue('')
  await page.keyboard.press('Shift+Tab')
  await expect(tokens(page)).toBeFocused()
  await page.keyboard.press('ArrowRight')
  await expect(tokens(page).getByRole('option', { selected: true })).toHaveAttribute('data-token', '1')
  await expect(answer(page, 'Right')).toContainText(/2\. “.*” KL 0\.000 nats · p [\d.]+/)
  await page.keyboard.press('End')
  const last = String((turn?.answers[1].pieces.length ?? 0) - 1)
  await expect(tokens(page).getByRole('option', { selected: true })).toHaveAttribute('data-token', last)
  expect(complaints).toEqual([])
})

test('what is stopped keeps what was said, and another prompt can follow', async ({ page, home, served }) => {
  test.setTimeout(120_000)
  await squeeze('inspect', makeTalkative(home), '--home', home)
  const complaints = listenForComplaints(page)
  await openChat(page, served.url)
  await askAtLength(page)
  await expect(answer(page, 'Right')).toContainText('Waits its turn')
  await page.getByRole('button', { name: 'Stop' }).click()
  await expect(answer(page, 'Left')).toContainText(/Stopped after [\d,]+ tokens/)
  await expect(answer(page, 'Right')).toContainText('Stopped before the first token')
  const [turn] = storedTurns(home)
  expect(turn?.answers[0]).toMatchObject({ state: 'stopped' })
  expect(turn?.answers[0].pieces.length).toBeGreaterThan(0)
  await expectSound(page)

  await page.getByLabel('Most tokens').fill('3')
  await page.getByRole('button', { name: 'New' }).click()
  await ask(page, 'The dog')
  await expect(page.getByRole('article')).toHaveCount(1)
  await page.getByRole('button', { name: 'Remove “The cat”' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await expect(page.getByRole('button', { name: 'Remove “The cat”' })).toHaveCount(0)
  expect(storedTurns(home)).toHaveLength(1)
  expect(complaints).toEqual([])
})

test('without a tokenizer nothing can be sent, and the page says why', async ({ page, home, served }) => {
  const checkpoint = mkdtempSync(join(tmpdir(), 'squeeze-tiny-'))
  makeTinyCheckpoint(checkpoint)
  rmSync(join(checkpoint, 'tokenizer.json'), { force: true })
  expect((await squeeze('inspect', checkpoint, '--home', home)).status).toBe(0)
  await openChat(page, served.url)
  await expect(page.getByText('There is no tokenizer')).toBeVisible()
  await box(page).fill('Hello')
  await expect(page.getByRole('button', { name: 'Send' })).toBeDisabled()
  await expectSound(page)
  rmSync(checkpoint, { recursive: true, force: true })
})

test('while one page is answered, another is told to wait', async ({ page, home, served, context }) => {
  test.setTimeout(120_000)
  await squeeze('inspect', makeTalkative(home), '--home', home)
  await openChat(page, served.url)
  await askAtLength(page)
  const other = await context.newPage()
  await openChat(other, served.url)
  // The other page comes in the middle of it and follows.
  await expect(answer(other, 'Left')).toContainText(/tokens so far/)
  await other.getByRole('button', { name: 'New' }).click()
  await box(other).fill('The dog')
  await other.keyboard.press('Enter')
  await expect(other.getByText('Another prompt is being answered.')).toBeVisible()
  await expect(box(other)).toHaveValue('The dog')
  await page.getByRole('button', { name: 'Stop' }).click()
  await expect(page.getByRole('button', { name: 'Send' })).toBeVisible()
})
