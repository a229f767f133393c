import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, expect, test, type Page } from '@playwright/test'
import { endJob, insertJob, openDatabase, updateJobProgress } from '../../src/main/db/index.ts'
import type { StudioBridge } from '../../src/shared/contract/studio/bridge.ts'
import type * as Double from './electron-double/electron.ts'
import { samplePaths } from '../../src/main/studio/root.ts'
import { startMain } from './electron-double/load.ts'
import { chromiumOptions, chromiumPath } from './support/chromium.ts'
import { dragOver } from './support/drag.ts'
import { fillStudio } from './support/fill-studio.ts'
import { skipWhere } from './support/skip.ts'
import { root } from './support/studio.ts'

/** The built main process and preload, with a double of the electron module whose windows are pages of Chromium. */
test.describe.configure({ mode: 'serial' })
skipWhere(chromiumPath === undefined, 'there is no Chromium here')
skipWhere(!existsSync(join(root, 'out', 'main', 'app.js')), 'the studio is not built')

const sidecar = process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar')
const home = mkdtempSync(join(tmpdir(), 'squeeze-window-'))
let electron: typeof Double
let page: Page
let filled: ReturnType<typeof fillStudio>

test.beforeAll(async () => {
  process.env.SQUEEZE_HOME = home
  filled = fillStudio(home)
  electron = await startMain(root)
  electron.double.browser = await chromium.launch(chromiumOptions)
  electron.app.ready.resolve()
  await expect.poll(() => electron.double.windows.length).toBe(1)
  page = await electron.double.windows[0]!.page
})

test.afterAll(async () => {
  await electron.double.browser?.close()
  rmSync(home, { recursive: true, force: true })
})

test('the window is locked down, and shown once there is something to see', async () => {
  const [window] = electron.double.windows
  expect(window!.options.webPreferences).toMatchObject({
    contextIsolation: true,
    sandbox: true,
    nodeIntegration: false,
  })
  await expect.poll(() => window!.shown).toBe(true)
  expect(electron.double.privileged).toMatchObject([{ scheme: 'app', privileges: { standard: true, secure: true } }])
})

test('the page works over the bridge and hears of changes', async () => {
  await page.getByRole('link', { name: /8\.96 MB/ }).click()
  await expect(page.getByRole('row', { name: /^RTN 3-bit/ })).toContainText('3.352 → 5.934')
  const database = openDatabase(home)
  updateJobProgress(database, filled.jobs.running, { stage: 'Packing', fraction: 0.9 })
  database.close()
  await expect(page.getByText('Packing')).toBeVisible()
})

test('a folder dropped on the window is opened, and one that cannot be says why', async () => {
  const missing = join(home, 'nowhere')
  const { checkpoint } = samplePaths(root)
  await page.evaluate((pathsOfFiles) => void Object.assign(window, { pathsOfFiles }), {
    nowhere: missing,
    sample: checkpoint,
  })
  await dragOver(page, 'nowhere', 'drop')
  const ask = page.getByRole('dialog', { name: 'Open a checkpoint' })
  await expect(ask.getByRole('alert')).toContainText(missing)
  await page.keyboard.press('Escape')
  await expect(ask).toHaveCount(0)
  skipWhere(!existsSync(sidecar), 'the sidecar is not built')
  await dragOver(page, 'sample', 'drop')
  await expect(page.getByText(checkpoint, { exact: true })).toBeVisible({ timeout: 30_000 })
})

test('the menu opens a checkpoint by the system’s own dialog, and says why where it cannot', async () => {
  const { double } = electron
  const entry = (label: string) =>
    double.menu.flatMap(({ submenu = [] }) => submenu).find((item) => item.label === label)
  entry('Settings')?.click?.()
  await expect(page).toHaveURL(/#\/settings$/)
  double.chosen = []
  entry('Open Checkpoint…')?.click?.()
  double.chosen = [join(home, 'nowhere')]
  entry('Open Checkpoint…')?.click?.()
  await expect.poll(() => double.errors, { timeout: 30_000 }).toEqual([expect.stringContaining(join(home, 'nowhere'))])
  double.errors = []
  const { checkpoint } = samplePaths(root)
  double.chosen = [checkpoint]
  entry('Open Checkpoint…')?.click?.()
  await expect(page).toHaveURL(/#\/projects\/\d+$/, { timeout: 30_000 })
  await expect(page.getByText(checkpoint, { exact: true })).toBeVisible({ timeout: 30_000 })
})

test('a refused request arrives as a failure in words', async () => {
  await page.evaluate(() => (location.hash = '#/projects/999'))
  await expect(page.getByText('There is no project 999.')).toBeVisible()
  await page.evaluate(() => (location.hash = '#/'))
})

test('no other frame and no other site may ask', async () => {
  const answer = await page.evaluate(async () => {
    const frame = document.body.appendChild(document.createElement('iframe'))
    const bridge = (frame.contentWindow as unknown as { squeezeStudio: StudioBridge }).squeezeStudio
    const answered = await bridge.call('project.list', {})
    frame.remove()
    return answered
  })
  expect(answer).toMatchObject({ error: { code: 'invalid-request' } })
})

test('the window goes nowhere else and opens nothing', async () => {
  const before = page.url()
  await page.evaluate(() => (location.href = 'https://elsewhere.example/'))
  await page.evaluate(() => window.open('https://elsewhere.example/'))
  await page.evaluate(() => window.open('https://arxiv.org/abs/2306.07629'))
  await expect.poll(() => electron.double.openedOutside).toEqual(['https://arxiv.org/abs/2306.07629'])
  expect(page.url()).toBe(before)
  expect(electron.double.windows).toHaveLength(1)
})

test('only the page is served, under its rules', async () => {
  const [script, outside] = await page.evaluate(() =>
    Promise.all(
      ['/', '/../package.json'].map(async (path) => {
        const response = await fetch(path)
        return [response.status, response.headers.get('content-security-policy')] as const
      }),
    ),
  )
  expect(script).toEqual([200, expect.stringContaining("script-src 'self'")])
  expect(outside?.[0]).toBe(404)
})

test('permissions are refused, but for writing to the clipboard', () => {
  const { check, ask } = electron.permissions
  expect([check?.({}, 'media'), check?.({}, 'clipboard-sanitized-write')]).toEqual([false, true])
  const answers: boolean[] = []
  ask?.({}, 'geolocation', (allowed) => answers.push(allowed))
  expect(answers).toEqual([false])
})

test('a second start shows the first window', () => {
  const [window] = electron.double.windows
  const before = window!.focused
  electron.app.emit('second-instance')
  expect(window!.focused).toBe(before + 1)
})

test('the task bar follows the jobs, and the end of a long one is told to who looks elsewhere', async () => {
  const [window] = electron.double.windows
  const bar = () => window?.progress.at(-1)
  const database = openDatabase(home)
  try {
    updateJobProgress(database, filled.jobs.running, { stage: 'Packing', fraction: 0.95 })
    await expect.poll(bar).toEqual([0.95, 'normal'])
    window!.watched = false
    endJob(database, filled.jobs.running, { state: 'done', now: Date.now() })
    await expect.poll(bar).toEqual([-1, 'none'])
    await expect
      .poll(() => electron.double.notifications.map(({ options }) => options), { timeout: 15_000 })
      .toMatchObject([{ title: 'Squeeze finished', body: expect.stringMatching(/^sample · took \d+ (s|min)$/) }])
    const focused = window!.focused
    electron.double.notifications[0]?.emit('click')
    await expect(page).toHaveURL(/#\/projects\/1$/)
    expect(window!.focused).toBe(focused + 1)

    window!.watched = false
    const jobId = insertJob(database, {
      projectId: filled.measured,
      kind: 'calibration',
      params: {},
      host: hostname(),
      processId: process.ppid,
      now: Date.now() - 45_000,
    })
    await expect.poll(bar).toEqual([2, 'indeterminate'])
    const error = { code: 'disk-full', message: 'There is no room.', retryable: true } as const
    endJob(database, jobId, { state: 'failed', error, now: Date.now() })
    await expect.poll(bar).toEqual([1, 'error'])
    await expect.poll(() => electron.double.notifications.length).toBe(2)
    expect(electron.double.notifications[1]?.options).toMatchObject({
      title: 'Calibration failed',
      body: 'sample · There is no room.',
    })
    window!.focus()
    expect(bar()).toEqual([-1, 'none'])
  } finally {
    database.close()
  }
})

test('closing the window keeps its place, ends the sidecar, then the app', async () => {
  await electron.double.windows[0]?.close()
  await expect.poll(() => electron.double.exitCode).toBe(0)
  expect(JSON.parse(readFileSync(join(home, 'window.json'), 'utf8'))).toEqual({
    bounds: { x: 10, y: 20, width: 1280, height: 860 },
    maximized: false,
  })
  expect(electron.double.errors).toEqual([])
})
