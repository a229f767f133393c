import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { nodePackage, OLDEST_NODE, root } from './places.mjs'
import { ask, failureText, runLogged, StepFailed } from './run.mjs'

/**
 * What building needs beside Node. `has` answers whether it is there; the rest are the names of its packages. A name
 * may stand twice (OpenMP comes with the compiler on Linux).
 */
const NEEDED = [
  {
    name: `Node ${OLDEST_NODE} or newer (npm brings none for ${process.platform} ${process.arch})`,
    has: () => Number(process.versions.node.split('.')[0]) >= OLDEST_NODE || npmBringsNode(),
    debian: 'nodejs',
    fedora: 'nodejs',
    macos: 'node',
    windows: 'winget install OpenJS.NodeJS.LTS',
  },
  {
    name: 'C++20 compiler (g++ 12 or clang 16, or newer)',
    has: () => Boolean(compiler()),
    debian: 'g++',
    fedora: 'gcc-c++',
    macos: 'llvm',
    windows: 'winget install Microsoft.VisualStudio.2022.BuildTools',
  },
  {
    name: 'CMake 3.25 or newer',
    has: () => newerThan(ask('cmake'), 3, 25),
    debian: 'cmake',
    fedora: 'cmake',
    macos: 'cmake',
    windows: 'winget install Kitware.CMake',
  },
  {
    name: 'Ninja',
    has: () => Boolean(ask('ninja') ?? ask('ninja-build')),
    debian: 'ninja-build',
    fedora: 'ninja-build',
    macos: 'ninja',
    windows: 'winget install Ninja-build.Ninja',
  },
  {
    name: 'oneDNN',
    has: () => canCompile('#include <oneapi/dnnl/dnnl.h>'),
    debian: 'libdnnl-dev',
    fedora: 'onednn-devel',
    macos: 'onednn',
    windows: 'vcpkg install onednn',
  },
  {
    name: 'JSON for Modern C++ 3.10 or newer',
    has: () =>
      canCompile(
        '#include <nlohmann/json.hpp>\nstatic_assert(NLOHMANN_JSON_VERSION_MAJOR * 100 + NLOHMANN_JSON_VERSION_MINOR >= 310);',
      ),
    debian: 'nlohmann-json3-dev',
    fedora: 'json-devel',
    macos: 'nlohmann-json',
    windows: 'vcpkg install nlohmann-json',
  },
  {
    name: 'xxHash',
    has: () => canCompile('#include <xxhash.h>'),
    debian: 'libxxhash-dev',
    fedora: 'xxhash-devel',
    macos: 'xxhash',
    windows: 'vcpkg install xxhash',
  },
  {
    name: 'OpenMP',
    has: () => canCompile('#include <omp.h>'),
    debian: 'g++',
    fedora: 'gcc-c++',
    macos: 'libomp',
    windows: 'winget install Microsoft.VisualStudio.2022.BuildTools',
  },
]

const NEEDED_FOR_TESTS = [
  {
    name: 'doctest',
    has: () => canCompile('#include <doctest/doctest.h>'),
    debian: 'doctest-dev',
    fedora: 'doctest-devel',
    macos: 'doctest',
    windows: 'vcpkg install doctest',
  },
]

/** Wanted by some tests, which say that they skip without it. */
const WISHED_FOR_TESTS = [
  { name: 'Chromium', has: () => Boolean(ask('chromium') ?? ask('chromium-browser')), debian: 'chromium' },
  { name: 'clang-format', has: () => Boolean(ask('clang-format')), debian: 'clang-format' },
]

function npmBringsNode() {
  const { optionalDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  return nodePackage() in optionalDependencies
}

function compiler() {
  return [process.env.CXX, 'c++', 'g++', 'clang++'].find((name) => name && ask(name))
}

/** Asks the compiler, since a header may stand anywhere; Homebrew's places are what CMake looks into as well. */
function canCompile(source) {
  const cxx = compiler()
  if (!cxx) return false
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-tools-'))
  try {
    const file = join(folder, 'try.cpp')
    writeFileSync(file, `${source}\nint main() {}\n`)
    const places = ['/opt/homebrew', '/usr/local', '/opt/homebrew/opt/libomp', '/usr/local/opt/libomp']
    const includes = places.filter((place) => existsSync(join(place, 'include'))).map((place) => `-I${place}/include`)
    return ask(cxx, ['-std=c++20', '-fsyntax-only', ...includes, file]) !== undefined
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function newerThan(answer, major, minor) {
  const [, a, b] = /(\d+)\.(\d+)/.exec(answer ?? '') ?? []
  return a !== undefined && (Number(a) > major || (Number(a) === major && Number(b) >= minor))
}

/**
 * CUDA's compiler, which is used where it is there and never asked for: its path, and its version as "12.4.131".
 * Looks where CMake does, and where NVIDIA's installers put it, which is often not in PATH.
 */
export function cudaCompiler(env = process.env) {
  const exe = process.platform === 'win32' ? '.exe' : ''
  const inPath = (env.PATH ?? '').split(delimiter).map((folder) => join(folder, `nvcc${exe}`))
  const inToolkit = [env.CUDA_PATH, '/usr/local/cuda'].flatMap((folder) =>
    folder ? [join(folder, 'bin', `nvcc${exe}`)] : [],
  )
  const path = [env.CUDACXX, ...inPath, ...inToolkit].find((file) => file && existsSync(file))
  const version = path && /\bV(\d+\.\d+\.\d+)/.exec(ask(path) ?? '')?.[1]
  return version ? { path, version } : undefined
}

/** The oldest GPUs that the sidecar supports, and those it is built for where none can be seen. */
const OLDEST_GPU = 80
const GPU_UNSEEN = 90

/** What nvcc is to build for, as CMake's CUDA_ARCHITECTURES ("86;90"), and why in a few words. */
export function cudaTargets(nvcc) {
  // Drivers too old for this question are too old for the sidecar as well.
  const gpus = ask('nvidia-smi', ['--query-gpu=compute_cap', '--format=csv,noheader']) ?? ''
  const targets = targetsFor(gpus, ask(nvcc.path, ['--list-gpu-code']) ?? '')
  if (targets.length > 0) return { list: targets.join(';'), why: 'the GPUs of this machine' }
  return { list: String(GPU_UNSEEN), why: 'to see that it compiles: there is no GPU here that runs it' }
}

/**
 * `gpus`: compute capabilities as nvidia-smi lists them, "9.0" a line; `known`: what nvcc makes code for, "sm_90" a line.
 * A GPU that is newer than nvcc takes the newest that it knows, whose PTX the driver compiles.
 */
export function targetsFor(gpus, known) {
  const numbers = (text, pattern) => [...text.matchAll(pattern)].map(([, a, b = '']) => Number(a + b))
  const targets = numbers(known, /^sm_(\d+)\s*$/gm)
  const own = numbers(gpus, /^\s*(\d+)\.(\d)\s*$/gm).filter((gpu) => gpu >= OLDEST_GPU)
  const best = own.map((gpu) => Math.max(...targets.filter((target) => target >= OLDEST_GPU && target <= gpu)))
  return [...new Set(best)].filter(Number.isFinite).sort((a, b) => a - b)
}

function isDebian() {
  return existsSync('/etc/debian_version') && ask('apt-get') !== undefined
}

/** Fails with everything that is missing in one message; as root on Debian and Ubuntu it is installed instead. */
export async function checkTools({ tests, say }) {
  const needed = tests ? [...NEEDED, ...NEEDED_FOR_TESTS] : NEEDED
  const wished = tests ? WISHED_FOR_TESTS.filter((tool) => !tool.has()) : []
  let missing = needed.filter((tool) => !tool.has())
  if (isDebian() && process.getuid?.() === 0 && missing.length + wished.length > 0) {
    await installOnDebian([...missing, ...wished], say)
    missing = missing.filter((tool) => !tool.has())
  }
  if (missing.length > 0) throw new StepFailed(missingText(missing))
}

async function installOnDebian(tools, say) {
  const packages = [...new Set(tools.map((tool) => tool.debian))]
  say(`Installing with apt-get: ${packages.join(' ')}`)
  const env = { DEBIAN_FRONTEND: 'noninteractive' }
  const update = await runLogged('apt-update', 'apt-get', ['update'], { env })
  if (update.code !== 0) throw new StepFailed(failureText('apt-get update', update))
  const install = await runLogged('apt-install', 'apt-get', ['install', '-y', '--no-install-recommends', ...packages], {
    env,
  })
  if (install.code !== 0) throw new StepFailed(failureText('apt-get install', install))
}

export function missingText(missing) {
  const names = (system) => [...new Set(missing.map((tool) => tool[system]))]
  return [
    'Missing:',
    ...missing.map((tool) => `  - ${tool.name}`),
    '',
    'Install them with',
    `  Debian, Ubuntu   sudo apt-get install -y --no-install-recommends ${names('debian').join(' ')}`,
    `  Fedora           sudo dnf install -y ${names('fedora').join(' ')}`,
    `  macOS            brew install ${names('macos').join(' ')}`,
    ...names('windows').map((line, i) => `  ${i === 0 ? 'Windows        ' : '               '}  ${line}`),
    '',
    'and run the same command again.',
  ].join('\n')
}

/** Whether the packages that package-lock.json names are the ones in node_modules (npm writes down what it did). */
export function packagesMatchLock(folder) {
  try {
    const read = (path) => JSON.parse(readFileSync(join(folder, path), 'utf8')).packages
    const installed = read('node_modules/.package-lock.json')
    return Object.entries(read('package-lock.json')).every(([path, wanted]) => {
      if (path === '') return true
      const found = installed[path]
      // What is for other systems is not installed here.
      return found ? found.version === wanted.version && found.integrity === wanted.integrity : wanted.optional === true
    })
  } catch {
    return false
  }
}
