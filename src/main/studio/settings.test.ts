import { mkdtempSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, it } from 'vitest'
import { makeBackground } from './background.ts'
import type { RunOptions } from './recording.ts'
import { readSettings, settingsInSight, writeSettings } from './settings.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'squeeze-settings-'))
})

it('begins with the usual ones, and keeps what was chosen', () => {
  expect(readSettings(home)).toEqual({ threads: 0, device: 'auto', memory: 'auto' })
  writeSettings(home, { threads: 3, device: 'cpu', memory: '8GB' })
  expect(settingsInSight(home)).toMatchObject({
    settings: { threads: 3, device: 'cpu', memory: '8GB' },
    paths: { home, settings: join(home, 'settings.json') },
  })
  expect(readdirSync(home)).toEqual(['settings.json'])
})

it('makes the folder where there is none', () => {
  const fresh = join(home, 'not', 'yet')
  writeSettings(fresh, { threads: 1, device: 'auto', memory: 'auto' })
  expect(readSettings(fresh).threads).toBe(1)
})

it('takes a file that an older studio wrote, or a person', () => {
  writeFileSync(join(home, 'settings.json'), '{ "threads": 2, "later": true }')
  expect(readSettings(home)).toEqual({ threads: 2, device: 'auto', memory: 'auto' })
})

it.each([
  ['no JSON', 'threads: 2'],
  ['a number out of range', '{ "threads": -1 }'],
  ['no device', '{ "device": "cuda" }'],
  ['no limit of memory', '{ "memory": "some" }'],
])('names the file when it holds %s', (_case, text) => {
  writeFileSync(join(home, 'settings.json'), text)
  expect(() => readSettings(home)).toThrow(/settings\.json is damaged/)
})

it('reaches the jobs that a page starts, from then on', async () => {
  const background = makeBackground(() => readSettings(home))
  const seen: RunOptions[] = []
  const start = () =>
    background.start((run) => {
      seen.push(run)
      run.onJob?.(1)
      return Promise.resolve()
    })
  await start()
  writeSettings(home, { threads: 2, device: 'cpu', memory: '50%' })
  await start()
  expect(seen.map(({ threads, device, memory }) => [threads, device, memory])).toEqual([
    [0, 'auto', 'auto'],
    [2, 'cpu', '50%'],
  ])
  writeFileSync(join(home, 'settings.json'), 'broken')
  await expect(start()).rejects.toMatchObject({ code: 'file-malformed' })
})
