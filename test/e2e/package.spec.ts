import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { getCurrentFuseWire, FuseState, FuseV1Options } from '@electron/fuses'
import { chromium, expect, test } from '@playwright/test'
import { locateSidecar } from '../../src/main/sidecar/locate.ts'
import { startMain } from './electron-double/load.ts'
import { extract, filesIn } from './support/archive.ts'
import { chromiumOptions, chromiumPath } from './support/chromium.ts'
import { makeElectronStub } from './support/electron-stub.ts'
import { skipWhere } from './support/skip.ts'
import { root } from './support/studio.ts'

/**
 * The package, made by electron-builder around a program that stands for Electron's own: what is in it, and that what
 * is in it opens the studio.
 */
test.describe.configure({ mode: 'serial' })
const built = process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar')
skipWhere(!existsSync('/etc/debian_version'), 'packages are made on Debian or Ubuntu')
skipWhere(!existsSync(join(root, 'out', 'main', 'app.js')), 'the studio is not built')
skipWhere(!existsSync(built), 'the sidecar is not built')

const folder = mkdtempSync(join(tmpdir(), 'squeeze-package-'))
const unpacked = join(folder, 'dist', process.arch === 'x64' ? 'linux-unpacked' : `linux-${process.arch}-unpacked`)
const resources = join(unpacked, 'resources')
const archive = join(resources, 'app.asar')

test.afterAll(() => rmSync(folder, { recursive: true, force: true }))

// electron-builder asks npm for the tree of packages, which alone takes seconds.
test('electron-builder packs the studio without a network', () => {
  test.setTimeout(240_000)
  makeElectronStub(join(folder, 'electron'))
  const places = {
    electron: join(folder, 'electron'),
    gathered: join(folder, 'gathered'),
    output: join(folder, 'dist'),
  }
  const asked = { dir: true, sidecar: built, ...places }
  // Any request to a proxy that is not there fails, and the test with it.
  const nowhere = { HTTPS_PROXY: 'http://127.0.0.1:9', HTTP_PROXY: 'http://127.0.0.1:9', npm_config_offline: 'true' }
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'scripts', 'package', 'build.mjs'), JSON.stringify(asked)],
    { encoding: 'utf8', env: { ...process.env, ...nowhere } },
  )
  expect(status, `${stdout}${stderr}`).toBe(0)
})

test('the archive holds the built program and one package, and nothing else', () => {
  const files = filesIn(archive)
  const kinds = files.map(({ path }) => path.replace(/-[\w-]{8}\./, '-HASH.'))
  const own = kinds.filter((path) => !path.startsWith('node_modules/') && !path.startsWith('out/renderer/assets/'))
  expect(own.sort()).toEqual([
    'out/main/app.js',
    'out/main/chunks/page-HASH.js',
    'out/preload/index.cjs',
    'out/renderer/icon.svg',
    'out/renderer/index.html',
    'package.json',
  ])
  const assets = kinds.filter((path) => path.startsWith('out/renderer/assets/'))
  expect(assets.length).toBeGreaterThan(3)
  for (const path of assets) expect(path).toMatch(/-HASH\.(js|css|woff2)$/)
  const packages = new Set(kinds.flatMap((path) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path) ?? []))
  expect([...packages]).toEqual(['node_modules/better-sqlite3'])
  const native = `node_modules/better-sqlite3/prebuilds/linux-${process.arch}.node`
  expect(kinds.filter((path) => !/\.(js|json)$|\/LICENSE$/.test(path) && path.startsWith('node_modules/'))).toEqual([
    native,
  ])
  expect(files.filter((file) => file.unpacked).map(({ path }) => path)).toEqual([native])
  expect(existsSync(join(resources, 'app.asar.unpacked', native))).toBe(true)
  const described = JSON.parse(
    files
      .find(({ path }) => path === 'package.json')
      ?.read()
      .toString() ?? '',
  ) as object
  expect(described).toMatchObject({ name: 'squeeze-studio', main: 'out/main/app.js', type: 'module' })
  expect(described).not.toHaveProperty('devDependencies')
})

test('beside the archive lie the sidecar, where it is looked for, the sample, and the licences', () => {
  const sidecar = locateSidecar({ root: archive, resourcesPath: resources, env: {} })
  expect(sidecar).toBe(join(resources, 'squeeze-sidecar'))
  accessSync(sidecar, constants.X_OK)
  expect(readFileSync(sidecar).equals(readFileSync(built))).toBe(true)
  expect(existsSync(join(resources, 'lib', 'libgomp.so.1'))).toBe(true)
  for (const name of readdirSync(join(resources, 'lib')))
    expect(existsSync(join(resources, 'licenses', `${name}.txt`)), name).toBe(true)
  for (const name of ['config.json', 'model.safetensors', 'tokenizer.json', 'calibration.txt', 'heldout.txt'])
    expect(existsSync(join(resources, 'sample', name)), name).toBe(true)
  const licences = (name: string) => readFileSync(join(resources, 'licenses', name), 'utf8')
  expect(licences('squeeze-studio.txt')).toContain('MIT License')
  expect(licences('host.md')).toMatch(/^## vscode-jsonrpc/m)
  expect(licences('host.md')).toMatch(/^## zod/m)
  for (const name of ['react-dom', 'recharts', '@mantine/core', 'zustand'])
    expect(licences('page.md')).toContain(`## ${name} `)
  expect(licences('inter.txt')).toContain('SIL OPEN FONT LICENSE')
  expect(licences('better-sqlite3.txt')).toContain('Permission is hereby granted')
  for (const name of ['LICENSE.electron.txt', 'LICENSES.chromium.html'])
    expect(existsSync(join(unpacked, name))).toBe(true)
})

test('the fuses are set', async () => {
  const { version: _, ...wire } = await getCurrentFuseWire(join(unpacked, 'squeeze-studio'))
  const { ENABLE, DISABLE } = FuseState
  expect(wire).toEqual({
    [FuseV1Options.RunAsNode]: DISABLE,
    [FuseV1Options.EnableCookieEncryption]: ENABLE,
    [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: DISABLE,
    [FuseV1Options.EnableNodeCliInspectArguments]: DISABLE,
    [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: ENABLE,
    [FuseV1Options.OnlyLoadAppFromAsar]: ENABLE,
    [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: DISABLE,
    [FuseV1Options.GrantFileProtocolExtraPrivileges]: DISABLE,
    [FuseV1Options.WasmTrapHandlers]: ENABLE,
  })
})

test('what is packed opens the studio, and its sample from a place that stays', async () => {
  skipWhere(chromiumPath === undefined, 'there is no Chromium here')
  test.setTimeout(240_000)
  const home = join(folder, 'home')
  // Node cannot look into archives as Electron does.
  const program = join(folder, 'program')
  extract(archive, program)
  const named = process.env.SQUEEZE_SIDECAR
  delete process.env.SQUEEZE_SIDECAR
  process.env.SQUEEZE_HOME = home
  const electron = await startMain(program)
  try {
    Object.assign(process, { resourcesPath: resources })
    electron.app.isPackaged = true
    electron.double.browser = await chromium.launch(chromiumOptions)
    electron.app.ready.resolve()
    await expect.poll(() => electron.double.windows.length, { timeout: 30_000 }).toBe(1)
    const page = await electron.double.windows[0]!.page
    await page.getByRole('button', { name: /sample/ }).click()
    await expect(page.getByText(join(home, 'sample'), { exact: true })).toBeVisible({ timeout: 120_000 })
    expect(existsSync(join(home, 'sample', 'model.safetensors'))).toBe(true)
    await electron.double.windows[0]?.close()
    await expect.poll(() => electron.double.exitCode).toBe(0)
    expect(electron.double.errors).toEqual([])
  } finally {
    await electron.double.browser?.close()
    if (named !== undefined) process.env.SQUEEZE_SIDECAR = named
  }
})
