import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  insertBenchmark,
  listBenchmarks,
  listProjects,
  openDatabase,
  type BenchmarkRow,
} from '../../src/main/db/index.ts'
import { figure, share } from '../../src/renderer/ui/units.ts'
import { makeTinyCheckpoint } from '../fixtures/make-tiny-checkpoint.ts'
import { fillStudio } from './support/fill-studio.ts'
import { press } from './support/keyboard.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { skipWhere } from './support/skip.ts'
import { expect, root, squeeze, test } from './support/studio.ts'

const sidecar = process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar')
const sample = join(root, 'resources', 'sample')

function benchmarks(home: string): BenchmarkRow[] {
  const database = openDatabase(home)
  try {
    return listBenchmarks(database, listProjects(database)[0]?.id ?? 0)
  } finally {
    database.close()
  }
}

for (const colorScheme of ['light', 'dark'] as const) {
  test(`speeds measured from the page are those of the database, ${colorScheme}`, async ({ page, home, served }) => {
    skipWhere(!existsSync(sidecar), 'the sidecar is not built')
    test.setTimeout(240_000)
    await page.emulateMedia({ colorScheme })
    const complaints = listenForComplaints(page)
    const made = await squeeze('quantize', sample, '--method', 'rtn', '--bits', '4', '--home', home)
    expect(made.status, made.errors).toBe(0)
    await page.goto(served.url)
    await page.getByRole('link', { name: /parameters/ }).click()
    await page.getByRole('link', { name: 'Speed' }).click()
    await expect(page.getByText('Speed was not measured yet')).toBeVisible()
    await expectSound(page)

    await page.getByRole('button', { name: 'Measure…' }).click()
    const ask = page.getByRole('dialog', { name: 'Measure the speed' })
    await ask.getByLabel('Prompt').fill('48')
    await ask.getByLabel('To generate').fill('16')
    await expectSound(page)
    await ask.getByRole('button', { name: 'Measure' }).click()
    await expect(ask).toHaveCount(0)

    const speeds = page.getByRole('table', { name: 'Speed of each model' })
    const history = page.getByRole('table', { name: 'All measurements of speed' })
    await expect(history.getByRole('row')).toHaveCount(3, { timeout: 60_000 })
    const rows = benchmarks(home)
    expect(rows).toHaveLength(2)
    for (const { resultId, speed, readBandwidth, promptTokens, generateTokens } of rows) {
      expect([promptTokens, generateTokens]).toEqual([48, 16])
      const name = resultId === null ? /^Checkpoint F16/ : /^RTN 4-bit/
      const [generation] = speed.generation
      if (!generation) throw new Error('A speed without generation.')
      const row = speeds.getByRole('row', { name })
      await expect(row).toContainText(figure(generation.tokensPerSecond.median))
      await expect(row).toContainText(share(generation.bandwidthShare.median))
      await expect(row).toContainText(figure(speed.promptTokensPerSecond.median))
      await expect(row).toContainText(figure(speed.firstTokenMs.median))
      await expect(history.getByRole('row', { name })).toContainText(figure(generation.tokensPerSecond.max))
      await expect(history.getByRole('row', { name }).getByRole('cell').nth(1)).toHaveText(
        readBandwidth.oneThread ? String(readBandwidth.threads) : '',
      )
    }
    await expectSound(page)
    expect(complaints).toEqual([])
  })
}

test('what exceeds the memory limit, or is unsteady, says why', async ({ page, home, served }) => {
  const { measured } = fillStudio(home)
  const database = openDatabase(home)
  const spread = (median: number, reach: number) => ({ median, min: median - reach, max: median + reach })
  const speed = {
    path: join(home, 'checkpoints', 'sample'),
    storedAs: 'F16',
    headStoredAs: 'F16',
    weightBytesPerToken: 8_000_000,
    cacheBytesPerPosition: 5120,
    memoryBytes: 12_000_000,
    promptTokensPerSecond: spread(6000, 10),
    firstTokenMs: spread(40, 1),
    generation: [
      {
        context: 256,
        tokensPerSecond: spread(4500, 900),
        cacheBytesPerToken: 1_000_000,
        bandwidthShare: spread(1.8, 0.1),
      },
    ],
  }
  insertBenchmark(database, {
    projectId: measured,
    resultId: undefined,
    modelFingerprint: 'm',
    processor: 'AMD EPYC',
    speed,
    result: {
      kind: 'benchmark',
      models: [speed],
      promptTokens: 256,
      generateTokens: 128,
      rounds: 5,
      interleaved: true,
      simd: 'avx2',
      arithmetic: 'int16',
      readBandwidth: { threads: 2, allThreads: spread(22.5, 0.5), oneThread: spread(15, 0.5) },
      peakMemoryBytes: 1,
      durationMs: 1,
    },
    now: Date.now(),
  })
  database.close()
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    await page.goto(`${served.url}#/projects/${measured}/speed`)
    await expect(page.getByRole('row', { name: /^Checkpoint F16 4,500/ })).toContainText('180.0')
    await expect(page.getByText('Beyond 100 %: Checkpoint (8.00 MB of weights)')).toBeVisible()
    await expect(page.getByText('Unsteady: the rounds of Checkpoint lie more than 30 % of the median')).toBeVisible()
    await expect(page.getByRole('row', { name: /^RTN 3-bit/ })).toContainText('not measured in this way')
    await expectSound(page)
  }
})

test('a measurement of the command line shows up by itself, and other threads stay apart', async ({
  page,
  home,
  served,
}) => {
  skipWhere(!existsSync(sidecar), 'the sidecar is not built')
  test.setTimeout(240_000)
  const bench = async (...args: string[]) => {
    const tokens = ['--prompt', '32', '--generate', '8', '--rounds', '2']
    const run = await squeeze('bench', sample, ...tokens, '--home', home, '--json', ...args)
    expect(run.status, run.errors).toBe(0)
    const answer = JSON.parse(run.output.trim().split('\n').at(-1) ?? '') as {
      models: { generation: { tokensPerSecond: { median: number } }[] }[]
    }
    return figure(answer.models[0]?.generation[0]?.tokensPerSecond.median ?? 0)
  }
  const first = await bench('--threads', '1')
  await page.goto(served.url)
  await page.getByRole('link', { name: /parameters/ }).click()
  await page.getByRole('link', { name: 'Speed' }).click()
  const checkpoint = page.getByRole('table', { name: 'Speed of each model' }).getByRole('row', { name: /^Checkpoint/ })
  await expect(checkpoint).toContainText(first)
  await expect(page.getByText('compare only rows that were computed alike')).toHaveCount(0)

  const second = await bench('--threads', '2')
  await expect(checkpoint).toContainText(second)
  await expect(page.getByText('compare only rows that were computed alike')).toBeVisible()
  await page.getByLabel('How speed was measured').selectOption({ index: 1 })
  await expect(checkpoint).toContainText(first)
  await expect(page.getByText(/^Measured on .* · 1 thread ·/)).toBeVisible()
  await expectSound(page)

  await page.getByRole('link', { name: 'Squeeze Studio' }).click()
  const [latest] = benchmarks(home)
  await expect(page.getByRole('region', { name: 'This machine' })).toContainText(
    `${figure(latest?.readBandwidth.allThreads.median ?? 0)} GB/s with 2 threads, measured just now`,
  )
  await expectSound(page)
})

test('the keyboard alone measures and saves the table', async ({ page, home, served }) => {
  skipWhere(!existsSync(sidecar), 'the sidecar is not built')
  test.setTimeout(240_000)
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-tiny-'))
  makeTinyCheckpoint(folder)
  expect((await squeeze('inspect', folder, '--home', home)).status).toBe(0)
  await page.goto(served.url)
  await press(page, page.getByRole('link', { name: /parameters/ }))
  await press(page, page.getByRole('link', { name: 'Speed', exact: true }))
  await expect(page.getByText('Speed was not measured yet')).toBeVisible()
  await press(page, page.getByRole('button', { name: 'Measure…' }))
  const ask = page.getByRole('dialog', { name: 'Measure the speed' })
  await expect(ask).toBeVisible()
  await expect(ask.getByRole('checkbox', { name: /^Checkpoint/ })).toBeChecked()
  await press(page, ask.getByRole('button', { name: 'Measure', exact: true }))
  const history = page.getByRole('table', { name: 'All measurements of speed' })
  await expect(history.getByRole('row')).toHaveCount(2, { timeout: 60_000 })

  await press(page, page.getByRole('button', { name: 'Save as… (table)', exact: true }))
  const saved = page.waitForEvent('download')
  await expect(page.getByRole('menuitem', { name: 'CSV' })).toBeVisible()
  await page.getByRole('menuitem', { name: 'CSV' }).press('Enter')
  const file = await saved
  expect(file.suggestedFilename()).toMatch(/^speed-of-.*\.csv$/)
  const [head = '', line = ''] = readFileSync(await file.path(), 'utf8').split('\r\n')
  const value = line.split(',')[head.split(',').indexOf('generation_tokens_per_second')]
  expect(Number(value)).toBe(benchmarks(home)[0]?.speed.generation[0]?.tokensPerSecond.median)
  rmSync(folder, { recursive: true, force: true })
})
