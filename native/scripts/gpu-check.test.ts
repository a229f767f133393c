import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'

/** The script with programs that only say what real ones would: which of its parts run, and what it makes of them. */

const script = join(import.meta.dirname, 'gpu-check.sh')
let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'squeeze-gpu-check-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

function program(name: string, ...lines: string[]) {
  writeFileSync(join(folder, name), ['#!/bin/bash', ...lines, ''].join('\n'))
  chmodSync(join(folder, name), 0o755)
}

/** Programs in the folder come before those of the machine, so that no GPU of its own has a say. */
function check(...options: string[]): Promise<{ status: number; text: string }> {
  program('nvidia-smi', 'exit 9')
  const args = [script, '--prebuilt', folder, '--out', join(folder, 'figures.json'), ...options]
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, CUDA_HOME: folder }
  return new Promise((resolve) => {
    execFile('bash', args, { env }, (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), text: stdout + stderr })
    })
  })
}

const figures = () => JSON.parse(readFileSync(join(folder, 'figures.json'), 'utf8')) as { figures: unknown[] }

test('without a GPU it says why and ends with 3', async () => {
  program('squeeze-cuda-tests', 'echo "SKIPPED a device case: No CUDA device: the driver is missing." >&2')
  program('one_device_bench', 'echo ran')
  const { status, text } = await check()
  expect(status).toBe(3)
  expect(text).toContain('gpu-check: No CUDA device: the driver is missing.')
  expect(text).not.toContain('one_device_bench')
})

test('figures of every bench go into one file and onto a table', async () => {
  program('squeeze-cuda-tests', 'echo "3 passed"')
  program('one_device_bench', 'echo shown', `echo 'JSON {"bench":"one","rows":4096,"us":1.5}'`)
  program('two_device_bench', `echo 'JSON {"bench":"two","name":"a, \\"b\\"","parts":[1,2]}'`)
  const { status, text } = await check('--tests', '--benches')
  expect(status).toBe(0)
  expect(text).toMatch(/bench +rows +us\none +4096 +1\.5/)
  expect(text).toContain('shown')
  expect(text).not.toContain('JSON {')
  expect(figures().figures).toEqual([
    { bench: 'one', rows: 4096, us: 1.5 },
    { bench: 'two', name: 'a, "b"', parts: [1, 2] },
  ])
})

test('what fails is named, the rest runs, and it ends with 1', async () => {
  program('squeeze-cuda-tests', 'exit $([ "$1" = --version ] && echo 0 || echo 1)')
  program('one_device_bench', `echo 'JSON {"bench":"one"}'`, 'exit 7')
  program('two_device_bench', 'sleep 30')
  program('zoo_device_bench', `echo 'JSON {"bench":"zoo"}'`)
  const { status, text } = await check('--tests', '--benches', '--time-limit', '1')
  expect(status).toBe(1)
  expect(text).toContain('Tests: FAILED (exit 1)')
  expect(text).toContain('one_device_bench: FAILED (exit 7)')
  expect(text).toContain('two_device_bench: STOPPED after 1 s')
  expect(text).toContain('zoo_device_bench: passed')
  expect(figures().figures).toEqual([{ bench: 'one' }, { bench: 'zoo' }])
})

test('every tool of compute-sanitizer looks over the tests, and what one finds is shown', async () => {
  program('squeeze-cuda-tests', 'echo "3 passed"')
  program('compute-sanitizer', 'if [ "$2" = racecheck ]; then echo "a race in few_kernel"; exit 86; fi')
  const { status, text } = await check('--sanitizer')
  expect(status).toBe(1)
  for (const tool of ['memcheck', 'initcheck', 'synccheck']) expect(text).toContain(`${tool}: passed`)
  expect(text).toContain('racecheck: FAILED (exit 86)')
  expect(text).toContain('a race in few_kernel')
})

test('one part and one name alone', async () => {
  program('squeeze-cuda-tests', '[ "$1" = --version ] || touch "$(dirname "$0")/tested"')
  program('few_device_bench', `echo 'JSON {"bench":"few"}'`)
  program('matmul_device_bench', 'exit 1')
  const { status } = await check('--benches', '--only', 'few')
  expect(status).toBe(0)
  expect(existsSync(join(folder, 'tested'))).toBe(false)
  expect(figures().figures).toEqual([{ bench: 'few' }])
})

test.each([['--nonsense'], ['--only'], ['--time-limit', '0']])('%s is refused with 2', async (...options) => {
  program('squeeze-cuda-tests')
  const { status, text } = await check(...options)
  expect(status).toBe(2)
  expect(text).toContain(options[0])
})
