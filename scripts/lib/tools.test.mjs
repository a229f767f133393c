import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { cudaCompiler, cudaTargets, missingText, packagesMatchLock, targetsFor } from './tools.mjs'

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

test("CUDA is built for this machine's GPUs, each kind once, by the newest code that nvcc knows and the GPU runs", () => {
  const known = 'sm_75\nsm_80\nsm_86\nsm_89\nsm_90\n'
  expect(targetsFor('9.0\n8.6\n9.0\n', known)).toEqual([86, 90])
  expect(targetsFor('12.0\r\n', known)).toEqual([90])
  expect(targetsFor('12.0\n10.3\n', `${known}sm_100\nsm_103\nsm_120\n`)).toEqual([103, 120])
  // Too old; no answer; an nvcc that does not say what it knows.
  expect(targetsFor('7.5\n', known)).toEqual([])
  expect(targetsFor('[N/A]\n', known)).toEqual([])
  expect(targetsFor('9.0\n', '')).toEqual([])
})

test.runIf(process.platform !== 'win32')('where no GPU can be seen, CUDA is built for one, and says why', () => {
  const bin = join(folder, 'gpus')
  mkdirSync(bin)
  const program = (name, body) => writeFileSync(join(bin, name), `#!/bin/sh\n${body}\n`, { mode: 0o755 })
  program('nvcc', 'echo sm_80; echo sm_89; echo sm_90')
  const { PATH } = process.env
  try {
    process.env.PATH = [bin, PATH].join(delimiter)
    const nvcc = { path: join(bin, 'nvcc') }
    program('nvidia-smi', 'exit 9')
    expect(cudaTargets(nvcc)).toEqual({ list: '90', why: expect.stringContaining('no GPU') })
    program('nvidia-smi', 'echo 8.9; echo 8.0')
    expect(cudaTargets(nvcc)).toEqual({ list: '80;89', why: 'the GPUs of this machine' })
  } finally {
    process.env.PATH = PATH
  }
})

test.runIf(process.platform !== 'win32')("CUDA's compiler is found in PATH, in its toolkit, or as CUDACXX", () => {
  const nvcc = (name, answer) => {
    const bin = join(folder, name, 'bin')
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, 'nvcc'), `#!/bin/sh\n${answer}\n`, { mode: 0o755 })
    return bin
  }
  const says = (version) => `echo 'Cuda compilation tools, release 0.0, V${version}'`
  const old = nvcc('old', says('12.4.131'))
  const fresh = nvcc('fresh', says('13.0.88'))
  const broken = nvcc('broken', 'exit 1')
  const PATH = [join(folder, 'nothing'), old].join(delimiter)
  expect(cudaCompiler({ PATH })).toEqual({ path: join(old, 'nvcc'), version: '12.4.131' })
  expect(cudaCompiler({ PATH, CUDACXX: join(fresh, 'nvcc') })?.version).toBe('13.0.88')
  expect(cudaCompiler({ PATH: '', CUDA_PATH: join(folder, 'fresh') })?.version).toBe('13.0.88')
  expect(cudaCompiler({ PATH: broken })).toBeUndefined()
})
