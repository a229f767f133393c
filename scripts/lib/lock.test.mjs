import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { withLock } from './lock.mjs'

let folder = ''
let lock = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'squeeze-lock-'))
  lock = join(folder, 'lock')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

test('gives back the answer and the lock, also after a failure', async () => {
  expect(await withLock(lock, () => 7)).toBe(7)
  await expect(withLock(lock, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  expect(existsSync(lock)).toBe(false)
})

test('a lock of the dead is taken over', async () => {
  const { pid } = spawnSync(process.execPath, ['-e', ''])
  writeFileSync(lock, JSON.stringify({ pid, born: 'long ago' }))
  expect(await withLock(lock, () => JSON.parse(readFileSync(lock, 'utf8')).pid)).toBe(process.pid)
})

test.skipIf(process.platform !== 'linux')('a lock of a pid that somebody else has now is taken over', async () => {
  writeFileSync(lock, JSON.stringify({ pid: process.ppid, born: 'before the restart' }))
  expect(await withLock(lock, () => 'mine')).toBe('mine')
})

test('an empty lock is waited for, and taken over when it is old', async () => {
  writeFileSync(lock, '')
  const old = new Date(Date.now() - 10_000)
  utimesSync(lock, old, old)
  expect(await withLock(lock, () => 'mine')).toBe('mine')
})

test('eight processes never work at once', async () => {
  const script = `
    import { appendFileSync } from 'node:fs'
    import { setTimeout } from 'node:timers/promises'
    import { withLock } from ${JSON.stringify(join(import.meta.dirname, 'lock.mjs'))}
    await withLock(process.argv[1], async () => {
      appendFileSync(process.argv[1] + '.log', 'in ')
      await setTimeout(20)
      appendFileSync(process.argv[1] + '.log', 'out ')
    })`
  // All of them find a dead holder at first, and race for its place.
  writeFileSync(lock, JSON.stringify({ pid: 2 ** 22 + 1 }))
  const runs = Array.from({ length: 8 }, () => spawn(process.execPath, ['--input-type=module', '-e', script, lock]))
  await Promise.all(runs.map((run) => new Promise((done) => run.on('close', done))))
  expect(readFileSync(`${lock}.log`, 'utf8')).toBe('in out '.repeat(8))
})
