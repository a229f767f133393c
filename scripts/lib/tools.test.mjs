import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { missingText, packagesMatchLock } from './tools.mjs'

const folder = mkdtempSync(join(tmpdir(), 'squeeze-tools-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('all that is missing stands in one message with a line for each system', () => {
  const text = missingText([
    { name: 'Ninja', debian: 'ninja-build', fedora: 'ninja-build', macos: 'ninja', windows: 'winget install Ninja' },
    { name: 'a compiler', debian: 'g++', fedora: 'gcc-c++', macos: 'llvm', windows: 'winget install VS' },
    { name: 'OpenMP', debian: 'g++', fedora: 'gcc-c++', macos: 'libomp', windows: 'winget install VS' },
  ])
  expect(text).toContain('  - Ninja\n  - a compiler\n  - OpenMP\n')
  expect(text).toContain('sudo apt-get install -y --no-install-recommends ninja-build g++\n')
  expect(text).toContain('sudo dnf install -y ninja-build gcc-c++\n')
  expect(text).toContain('brew install ninja llvm libomp\n')
  expect(text).toMatch(/Windows +winget install Ninja\n +winget install VS\n\n/)
})

test('packages match the lock when each is there in its version, but for those of other systems', () => {
  mkdirSync(join(folder, 'node_modules'))
  const write = (name, packages) => writeFileSync(join(folder, name), JSON.stringify({ packages }))
  const a = { version: '1.0.0', integrity: 'sha512-a' }
  write('package-lock.json', {
    '': { name: 'x' },
    'node_modules/a': a,
    'node_modules/b': { version: '2.0.0', optional: true },
  })
  expect(packagesMatchLock(folder)).toBe(false)
  write('node_modules/.package-lock.json', { 'node_modules/a': a })
  expect(packagesMatchLock(folder)).toBe(true)
  write('node_modules/.package-lock.json', { 'node_modules/a': { ...a, version: '0.9.0' } })
  expect(packagesMatchLock(folder)).toBe(false)
  write('node_modules/.package-lock.json', {})
  expect(packagesMatchLock(folder)).toBe(false)
})
