import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { sampleSource } from './sample.ts'

const folder = mkdtempSync(join(tmpdir(), 'squeeze-sample-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function makeSample(path: string): void {
  mkdirSync(path, { recursive: true })
  for (const name of ['config.json', 'calibration.txt', 'heldout.txt']) writeFileSync(join(path, name), name)
}

test('from the sources, the sample is read where it lies', () => {
  const root = join(folder, 'sources')
  const home = join(folder, 'unused')
  const source = sampleSource({ root, home })
  expect(source.offered()).toBe(false)
  makeSample(join(root, 'resources', 'sample'))
  expect(source.offered()).toBe(true)
  expect(source.take().checkpoint).toBe(join(root, 'resources', 'sample'))
  expect(existsSync(home)).toBe(false)
})

test('from a package, it is copied to where the next start finds it, once', () => {
  const resourcesPath = join(folder, 'mounted')
  const home = join(folder, 'home')
  makeSample(join(resourcesPath, 'sample'))
  const source = sampleSource({ root: join(folder, 'archive'), home, resourcesPath })
  expect(source.offered()).toBe(true)
  expect(existsSync(home)).toBe(false)
  const { checkpoint, calibrationText } = source.take()
  expect(checkpoint).toBe(join(home, 'sample'))
  expect(readFileSync(calibrationText, 'utf8')).toBe('calibration.txt')
  writeFileSync(calibrationText, 'mine')
  rmSync(resourcesPath, { recursive: true })
  expect(source.offered()).toBe(true)
  expect(readFileSync(source.take().calibrationText, 'utf8')).toBe('mine')
})

test('a studio’s folder that cannot be written is named', () => {
  const resourcesPath = join(folder, 'other')
  makeSample(join(resourcesPath, 'sample'))
  const home = join(folder, 'a-file')
  writeFileSync(home, '')
  const source = sampleSource({ root: folder, home, resourcesPath })
  expect(() => source.take()).toThrow(`The sample cannot be copied to ${join(home, 'sample')}`)
})
