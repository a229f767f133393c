#!/usr/bin/env node
/**
 * Pictures of the studio's pages for the documentation, from a real run: squeezes the sample in several ways, serves
 * what came of it, and takes each page light and dark in two sizes.
 * usage: screens.ts [--checkpoint FOLDER] [--home FOLDER]
 * The paths are in the pictures, so name ones that look well there. What was run in that home before is not run again.
 */
import { existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chromium, type Page } from 'playwright-core'
import { samplePaths } from '../src/main/studio/root.ts'
import { chromiumOptions } from '../test/e2e/support/chromium.ts'
import { root, squeeze, startServer } from '../test/e2e/support/studio.ts'
import { SCHEMES, SIZES } from '../test/e2e/support/views.ts'

const PLACES = [
  { name: 'projects', fragment: () => '#/', ready: 'Processor' },
  { name: 'project', fragment: (projectId: number) => `#/projects/${projectId}`, ready: 'Size on disk' },
  {
    name: 'checkpoint',
    fragment: (projectId: number) => `#/projects/${projectId}/checkpoint`,
    ready: 'of memory are free',
  },
  {
    name: 'sensitivity',
    fragment: (projectId: number) => `#/projects/${projectId}/sensitivity`,
    ready: 'logarithmic scale',
  },
  {
    name: 'matrix',
    fragment: (projectId: number) => `#/projects/${projectId}/matrices/1/model.layers.1.mlp.down_proj.weight/4`,
    ready: 'They carry',
  },
  {
    name: 'sweep',
    fragment: (projectId: number) => `#/projects/${projectId}/sweep`,
    ready: 'Stored bits per weight of the matrices',
  },
  { name: 'chat', fragment: (projectId: number) => `#/projects/${projectId}/chat`, ready: 'Sampling' },
  { name: 'speed', fragment: (projectId: number) => `#/projects/${projectId}/speed`, ready: 'All measurements' },
  {
    name: 'result',
    fragment: (projectId: number) => `#/projects/${projectId}/results/1`,
    ready: 'From a terminal',
  },
  { name: 'settings', fragment: () => '#/settings', ready: 'Versions' },
]

const RUNS = [
  ['--method', 'rtn', '--bits', '3'],
  ['--method', 'squeezellm', '--bits', '3', '--sparsity', '0'],
  ['--method', 'squeezellm', '--bits', '4'],
  ['--method', 'squeezellm', '--bits', '2'],
]

const samples = samplePaths(root)
const { values } = parseArgs({ options: { home: { type: 'string' }, checkpoint: { type: 'string' } } })
const home = values.home ?? mkdtempSync(join(tmpdir(), 'squeeze-screens-'))
await runAll(values.checkpoint ?? samples.checkpoint)
await measureAll(values.checkpoint ?? samples.checkpoint)
await takePictures(join(root, 'docs', 'screens'))

async function runAll(checkpoint: string): Promise<void> {
  await must('run', checkpoint, '--home', home)
  for (const [index, recipe] of RUNS.entries()) {
    const out = join(home, 'results', String(index))
    if (existsSync(out)) continue
    await must('quantize', checkpoint, ...recipe, '--sample', '--out', out, '--home', home)
    await must('evaluate', out, '--text', samples.heldoutText, '--against', checkpoint, '--home', home)
  }
}

/** What the pages of sweeps and of speeds show; of speeds only the first time, for they are added to. */
async function measureAll(checkpoint: string): Promise<void> {
  await must('sweep', checkpoint, '--home', home, '--budget', '3bpw,3.5bpw,4bpw,5bpw')
  const marker = join(home, 'speeds-measured')
  if (existsSync(marker)) return
  // Twice, for there to be a course over time.
  for (let turn = 0; turn < 2; turn++)
    await must('bench', checkpoint, join(home, 'results', '1'), join(home, 'results', '2'), '--home', home)
  writeFileSync(marker, '')
}

async function must(...args: string[]): Promise<void> {
  console.log(`squeeze ${args.join(' ')}`)
  const { status, errors } = await squeeze(...args)
  if (status !== 0) throw new Error(`squeeze ${args[0]} ended with ${status}:\n${errors}`)
}

async function takePictures(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true })
  const served = await startServer(home, '--port', '0', '--latest')
  const browser = await chromium.launch(chromiumOptions)
  try {
    await askSomething(await browser.newPage({ locale: 'en-GB' }), served.url)
    for (const colorScheme of SCHEMES) {
      for (const viewport of SIZES) {
        const page = await browser.newPage({ colorScheme, viewport, locale: 'en-GB' })
        await page.goto(served.url)
        await takeEach(page, folder, `${colorScheme}-${viewport.width}`)
        await page.close()
      }
    }
  } finally {
    await browser.close()
    await served.stop()
  }
}

/** A conversation to be seen, unless there is one. */
async function askSomething(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await page.getByRole('link', { name: 'Chat', exact: true }).click()
  await page.getByText('Sampling').waitFor()
  if (await page.getByText('Nothing said yet').isVisible()) {
    await page.getByLabel('Most tokens').fill('60')
    await page.getByLabel('Prompt for both models').fill('Tell me about the cat.')
    await page.keyboard.press('Enter')
    await page.getByText(/^KL [\d.e−]+ nats\/token/).waitFor({ timeout: 60_000 })
  }
  await page.close()
}

async function takeEach(page: Page, folder: string, suffix: string): Promise<void> {
  await page.waitForURL(/#\/projects\/\d+$/)
  const [base = ''] = page.url().split('#')
  const projectId = Number(/\d+$/.exec(page.url())?.[0])
  for (const { name, fragment, ready } of PLACES) {
    await page.goto(base + fragment(projectId))
    await page.getByText(ready).first().waitFor()
    await page.evaluate('document.fonts.ready')
    // What comes with a library of its own comes later.
    await page.locator('.mantine-Skeleton-root').first().waitFor({ state: 'detached' })
    await page.screenshot({ path: join(folder, `${name}-${suffix}.png`), animations: 'disabled' })
  }
}
