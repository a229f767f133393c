import { expect, it } from 'vitest'
import { throwIfAborted } from '../sidecar/index.ts'
import { makeBackground } from './background.ts'
import type { RunOptions } from './recording.ts'

/** Work with these jobs, that ends when it is told to. */
function waiting(...jobs: number[]) {
  let aborted = false
  const work = async ({ signal, onJob }: RunOptions) => {
    for (const job of jobs) onJob?.(job)
    await new Promise((resolve) => signal?.addEventListener('abort', resolve))
    aborted = true
    throwIfAborted(signal)
  }
  return { work, isAborted: () => aborted }
}

it('answers with the first job, and any of its jobs ends the work', async () => {
  const background = makeBackground()
  const [one, other] = [waiting(7, 8), waiting(9)]
  expect(await background.start(one.work)).toBe(7)
  expect(await background.start(other.work)).toBe(9)
  background.cancel(8)
  await expect.poll(one.isAborted).toBe(true)
  expect(other.isAborted()).toBe(false)
  await expect.poll(() => attempt(() => background.cancel(8))).toBe('not-found')
  await background.close()
  expect(other.isAborted()).toBe(true)
})

it('throws what fails before a job is there, and says when nothing was to be done', async () => {
  const background = makeBackground()
  await expect(background.start(() => Promise.reject(new Error('no such folder')))).rejects.toThrow('no such folder')
  await expect(background.start(() => Promise.resolve())).rejects.toMatchObject({ code: 'output-exists' })
  expect(attempt(() => background.cancel(1))).toBe('not-found')
})

function attempt(call: () => void): string {
  try {
    call()
    return 'done'
  } catch (error) {
    return (error as { code: string }).code
  }
}
