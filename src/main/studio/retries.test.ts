import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { endJob, insertJob, listJobs, type JobState } from '../db/index.ts'
import { asking } from './asked.ts'
import { createContext, type Context } from './context.ts'
import { withRetries } from './retries.ts'
import { retryJob } from './retry.ts'

let context: Context
const homes: string[] = []
beforeEach(() => {
  const home = mkdtempSync(join(tmpdir(), 'squeeze-retries-'))
  homes.push(home)
  context = createContext({ home, env: { SQUEEZE_SIDECAR: join(home, 'nothing') }, keepLog: false })
})
afterAll(() => homes.forEach((home) => rmSync(home, { recursive: true })))

const request = { checkpoint: resolve('tiny'), samples: 4 }
const asked = (samples: number) => asking({}, { useCase: 'calibrate', request: { ...request, samples } }).asked

function job(state: JobState, what: unknown): number {
  const database = context.database()
  const entry = { projectId: undefined, kind: 'calibration' as const, params: {}, asked: what }
  const id = insertJob(database, { ...entry, host: 'elsewhere', processId: 1, now: 1 })
  if (state !== 'running') endJob(database, id, { state, now: 2 })
  return id
}

function retryable(): number[] {
  return withRetries(listJobs(context.database()))
    .filter(([, can]) => can)
    .map(([{ id }]) => id)
}

it('offers what ended short, where it is known what was asked', () => {
  const short = [job('failed', asked(1)), job('cancelled', asked(2)), job('interrupted', asked(3))]
  job('done', asked(4))
  job('running', asked(5))
  job('failed', undefined)
  expect(retryable().toSorted()).toEqual(short)
})

it('offers nothing that was asked again since, whoever asked', async () => {
  const [first, second] = [job('failed', asked(1)), job('failed', asked(2))]
  const again = job('cancelled', asked(1))
  expect(retryable()).toEqual([again, second])
  job('running', asked(2))
  expect(retryable()).toEqual([again])
  await expect(retryJob(context, first)).rejects.toMatchObject({ code: 'busy' })
  await expect(retryJob(context, 99)).rejects.toMatchObject({ code: 'not-found' })
  await expect(retryJob(context, job('failed', { useCase: 'shell', request: {} }))).rejects.toMatchObject({
    code: 'invalid-request',
  })
})

it('runs the use case of the job again', async () => {
  // There is no sidecar here, which the use case finds out and nobody before it.
  await expect(retryJob(context, job('failed', asked(1)))).rejects.toMatchObject({
    message: expect.stringContaining('SQUEEZE_SIDECAR names'),
  })
})

it('keeps what the largest use case was asked, in one form, and nothing by half', () => {
  const outer = asking({ device: 'cpu', threads: 2 }, { useCase: 'mainJob', request: { checkpoint: '/a' } })
  expect(outer.asked).toMatchObject({ useCase: 'mainJob', machinery: { device: 'cpu', threads: 2 } })
  expect(asking(outer, { useCase: 'calibrate', request }).asked).toBe(outer.asked)
  const turned = { samples: 4, checkpoint: request.checkpoint }
  expect(JSON.stringify(asking({}, { useCase: 'calibrate', request: turned }).asked)).toBe(JSON.stringify(asked(4)))
  const unknown = { ...request, later: 1 }
  expect(asking({}, { useCase: 'calibrate', request: unknown }).asked).toBeUndefined()
})
