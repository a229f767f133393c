import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { _electron, expect, test } from '@playwright/test'
import { skipWhere } from './support/skip.ts'
import { root } from './support/studio.ts'

/** The window in Electron itself, where its binary and a display are. */
const executablePath = electronBinary()
const display = process.platform !== 'linux' || Boolean(process.env.DISPLAY ?? process.env.WAYLAND_DISPLAY)

test('the studio opens in Electron', async () => {
  skipWhere(
    executablePath === undefined,
    'there is no Electron binary here (node node_modules/electron/install.js fetches it)',
  )
  skipWhere(!display, 'there is no display here (xvfb-run gives one)')
  const home = mkdtempSync(join(tmpdir(), 'squeeze-electron-'))
  const app = await _electron.launch({
    executablePath,
    args: [...(process.getuid?.() === 0 ? ['--no-sandbox'] : []), root],
    env: { ...process.env, SQUEEZE_HOME: home },
  })
  const page = await app.firstWindow()
  await expect(page.getByText('Squeeze a first checkpoint')).toBeVisible()
  expect(await page.evaluate(() => location.origin)).toBe('app://studio')
  expect(await page.evaluate(() => typeof (globalThis as { require?: unknown }).require)).toBe('undefined')
  await app.close()
  rmSync(home, { recursive: true, force: true })
})

function electronBinary(): string | undefined {
  const named = process.env.ELECTRON_EXEC_PATH
  if (named) return existsSync(named) ? named : undefined
  const folder = join(root, 'node_modules', 'electron')
  const file = join(folder, 'path.txt')
  if (!existsSync(file)) return undefined
  const path = join(folder, 'dist', readFileSync(file, 'utf8').trim())
  return existsSync(path) ? path : undefined
}
