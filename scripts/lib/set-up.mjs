import { existsSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { withLock } from './lock.mjs'
import { buildFolder, nativeTests, nodePackage, OLDEST_NODE, pinnedNode, root, sidecar } from './places.mjs'
import { ask, failureText, runLogged, StepFailed } from './run.mjs'
import { forget, hashOf, isFresh, remember } from './stamp.mjs'
import { checkTools, cudaCompiler, cudaTargets, packagesMatchLock } from './tools.mjs'

const built = (path) => join(root, 'out', path)
const STUDIO_OUTPUTS = ['main/app.js', 'main/cli.js', 'preload/index.cjs', 'renderer/index.html'].map(built)

const isTest = (name) => /(\.test\.tsx?|_test\.cpp|_bench\.cpp)$/.test(name)

/** One set-up at a time: a second one waits for the first and then finds the work done. */
export function setUpAlone(work) {
  return withLock(join(buildFolder, 'set-up.lock'), work, (pid) =>
    console.log(`Another set-up${pid ? ` (process ${pid})` : ''} is running; waiting for it.`),
  )
}

/** The packages of package-lock.json in node_modules, and with them the Node that everything else runs on. */
export async function installPackages(step) {
  if (!packagesMatchLock(root)) await step('Install packages', npmCi)
  if (pinnedNode() === process.execPath && Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
    throw new StepFailed(`npm has not brought ${nodePackage()}; run this with Node ${OLDEST_NODE} or newer.`)
  }
}

async function npmCi() {
  // npm tells its scripts where it is; a bare "npm" is a shell script on Windows.
  const npm = process.env.npm_execpath
  const [command, before, shell] = npm ? [process.execPath, [npm], false] : ['npm', [], process.platform === 'win32']
  const args = [...before, 'ci', '--ignore-scripts', '--no-audit', '--no-fund']
  await must('npm ci', runLogged('npm-ci', command, args, { shell }))
}

/** Compilers and libraries, only looked for where something has to be built with them. */
export async function findTools({ tests }) {
  if (!tests && nativeIsFresh({ tests })) return
  await checkTools({ tests, say: (text) => console.log(text) })
}

/** The sidecar, and its tests where `tests`. */
export async function buildNative(step, { tests }) {
  if (nativeIsFresh({ tests })) return
  const name = nativeStamp(tests)
  const hash = nativeHash(tests)
  await step('Build the sidecar', async () => {
    forget(name)
    const { nvcc, targets } = cuda()
    const env = nvcc ? { CUDACXX: nvcc.path } : {}
    const cmake = (log, args) => must('cmake', runLogged(log, 'cmake', args, { env }))
    // CMake keeps what it found, or that it found nothing: nvcc may have come, changed or gone.
    const options = ['-UCMAKE_CUDA_COMPILER', `-DSQUEEZE_TESTS=${tests ? 'ON' : 'OFF'}`, ...homebrewOptions()]
    if (targets) options.push(`-DSQUEEZE_CUDA_ARCHITECTURES=${targets.list}`)
    const configured = await cmake('native-configure', ['--preset', 'release', '-S', join(root, 'native'), ...options])
    const decided = /^-- (Building with(out)? CUDA.*)$/m.exec(configured.output) ?? []
    console.log(targets && !decided[2] ? `${decided[1]} (${targets.why})` : (decided[1] ?? ''))
    await cmake('native-build', ['--build', join(buildFolder, 'release'), '--parallel', String(availableParallelism())])
    remember(name, hash)
  })
}

const nativeStamp = (tests) => (tests ? 'native-tests' : 'native')

/** A build with tests has made the sidecar as well. */
function nativeIsFresh({ tests }) {
  if (isFresh(nativeStamp(true), nativeHash(true), [sidecar, nativeTests])) return true
  return !tests && isFresh(nativeStamp(false), nativeHash(false), [sidecar])
}

function nativeHash(tests) {
  const { nvcc, targets } = cuda()
  const gpus = nvcc ? `${nvcc.path} ${nvcc.version} ${targets.list}` : ''
  const system = [process.platform, process.arch, process.env.CXX ?? '', process.env.CXXFLAGS ?? '', gpus]
  return hashOf(['native'], { skip: (name) => !tests && isTest(name), also: system })
}

let askedCuda

/**
 * CUDA's compiler, and what it builds for: code for all GPUs takes many times as long, and is for those who hand the
 * sidecar on (preset "cuda"). Asked for once, since nvidia-smi can take a second.
 */
function cuda() {
  if (!askedCuda) {
    const nvcc = cudaCompiler()
    askedCuda = { nvcc, targets: nvcc && cudaTargets(nvcc) }
  }
  return askedCuda
}

/** Homebrew keeps OpenMP apart, and CMake's search does not find it there. */
function homebrewOptions() {
  if (process.platform !== 'darwin') return []
  const prefix = ask('brew', ['--prefix', 'libomp'])?.trim()
  return prefix && existsSync(prefix) ? [`-DOpenMP_ROOT=${prefix}`] : []
}

/** The window, the command line, the preload and the page, in out/. */
export async function buildStudio(step) {
  const inputs = ['src', 'electron.vite.config.ts', 'tsconfig.json', 'package.json', 'package-lock.json']
  const hash = hashOf(inputs, { skip: isTest })
  if (isFresh('studio', hash, STUDIO_OUTPUTS)) return
  await step('Build the studio', async () => {
    forget('studio')
    const tool = join(root, 'node_modules', 'electron-vite', 'bin', 'electron-vite.js')
    await must(
      'electron-vite build',
      runLogged('studio-build', pinnedNode(), [tool, 'build'], { env: { NODE_ENV: 'production' } }),
    )
    const missing = STUDIO_OUTPUTS.filter((path) => !existsSync(path))
    if (missing.length > 0) throw new StepFailed(`The build made no ${missing.join(', ')}.`)
    remember('studio', hash)
  })
}

async function must(what, running) {
  const result = await running
  if (result.code !== 0) throw new StepFailed(failureText(what, result))
  return result
}

/** Says on one line what is done, and for how long it was. */
export async function timedStep(name, work) {
  const start = performance.now()
  console.log(`${name} …`)
  await work()
  console.log(`${name}: done in ${seconds(performance.now() - start)}`)
}

export function seconds(ms) {
  return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`
}

/** Sample checkpoint that comes with the studio; undefined where it is not there. */
export function samplePath() {
  const folder = join(root, 'resources', 'sample')
  return existsSync(folder) && readdirSync(folder).includes('config.json') ? folder : undefined
}
