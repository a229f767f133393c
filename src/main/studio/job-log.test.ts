import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { openJobLog, readJobLog } from './job-log.ts'

const home = mkdtempSync(join(tmpdir(), 'squeeze-log-'))
afterAll(() => rmSync(home, { recursive: true }))

const texts = (jobId: number, most = 1000) => readJobLog(home, jobId, most).map(({ text }) => text)

it('keeps a line for each stage and each tenth, and what the job ended with', () => {
  const before = Date.now()
  const log = openJobLog(home, 1)
  log.progressed({ stage: 'Reading', fraction: 0.02, detail: 'a.txt' })
  log.progressed({ stage: 'Reading', fraction: 0.09 })
  log.progressed({ stage: 'Reading', fraction: 0.11 })
  log.progressed({ stage: 'Packing', fraction: 0.12 })
  log.write('sidecar: taking over 3 of 9 matrices')
  log.end('Failed: The disk is full.\nMake room.')
  expect(texts(1)).toEqual([
    '  2 % Reading: a.txt',
    ' 11 % Reading',
    ' 12 % Packing',
    'sidecar: taking over 3 of 9 matrices',
    'Failed: The disk is full.',
    'Make room.',
  ])
  expect(texts(1, 2)).toEqual(['Failed: The disk is full.', 'Make room.'])
  const [first] = readJobLog(home, 1, 1)
  expect(first?.atMs).toBeGreaterThanOrEqual(before)
})

it('stops where it is full, but for the end', () => {
  const log = openJobLog(home, 2)
  for (let line = 0; line < 1000; line++) log.write('x'.repeat(1000))
  log.end('Done.')
  expect(statSync(join(home, 'logs', 'jobs', '2.log')).size).toBeLessThan(258 * 1024)
  expect(texts(2, 2)).toEqual(['The log is full; only the end of the job will follow.', 'Done.'])
})

it('keeps the logs of the latest jobs only, and begins a new one for a number that comes again', () => {
  openJobLog(home, 201).end('Done.')
  expect(existsSync(join(home, 'logs', 'jobs', '1.log'))).toBe(false)
  openJobLog(home, 201).end('Cancelled.')
  expect(texts(201)).toEqual(['Cancelled.'])
})

it('fails nothing where no log can be kept or read', () => {
  const blocked = join(home, 'blocked')
  writeFileSync(blocked, '')
  openJobLog(blocked, 1).end('Done.')
  expect(readJobLog(blocked, 1, 10)).toEqual([])
})
