#!/usr/bin/env node
// Sets up what is not set up, does the main job once, and opens the studio. Runs before anything is installed, so it
// uses nothing but Node itself.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { OLDEST_NODE, pinnedNode, root } from './lib/places.mjs'
import { forwardSignals, runHere, runLogged, StepFailed } from './lib/run.mjs'
import {
  buildNative,
  buildStudio,
  findTools,
  installPackages,
  samplePath,
  setUpAlone,
  timedStep,
} from './lib/set-up.mjs'

const HELP = `npm start -- [CKPT] [--no-open]

Sets the studio up where it is not (tools, packages, native code, page), squeezes the checkpoint in folder CKPT, or the
sample that comes with it, and opens the studio on it: in its window where there is a display, otherwise in the browser.

  CKPT        folder of a checkpoint; the sample when left out
  --no-open   stop after the job
  --help      this text
`

function readArguments(args) {
  const options = { open: true, help: false, checkpoint: undefined }
  for (const arg of args) {
    if (arg === '--no-open') options.open = false
    else if (arg === '--help' || arg === '-h') options.help = true
    else if (arg.startsWith('-')) throw new StepFailed(`${arg} is not known.\n\n${HELP}`)
    else if (options.checkpoint !== undefined) throw new StepFailed(`One checkpoint at a time.\n\n${HELP}`)
    // npm runs this in the studio's folder; the person typed the path in another, perhaps.
    else options.checkpoint = resolve(process.env.INIT_CWD ?? process.cwd(), arg)
  }
  return options
}

const squeeze = (...args) => runHere(pinnedNode(), [join(root, 'bin', 'squeeze'), ...args])

/** Electron's program, fetched once where there is a display to use it on; undefined where it cannot be had. */
async function electronProgram() {
  if (!hasDisplay()) return undefined
  const folder = join(root, 'node_modules', 'electron')
  if (!process.env.ELECTRON_EXEC_PATH && !existsSync(join(folder, 'dist', 'version'))) {
    console.log('Fetching Electron (a minute at most) …')
    await runLogged('electron-install', pinnedNode(), [join(folder, 'install.js')], { timeoutMs: 60_000 })
  }
  const places = [process.env.ELECTRON_EXEC_PATH, join(folder, 'dist', ELECTRON[process.platform] ?? 'electron')]
  return places.find((place) => place && existsSync(place))
}

const ELECTRON = { darwin: 'Electron.app/Contents/MacOS/Electron', win32: 'electron.exe' }

function hasDisplay() {
  if (process.platform === 'darwin' || process.platform === 'win32') return true
  return Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY)
}

async function openStudio() {
  const electron = await electronProgram()
  if (!electron) return squeeze('serve', '--latest')
  // Chromium's sandbox refuses to start for root.
  const asRoot = process.platform === 'linux' && process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return runHere(electron, [...asRoot, root, '--latest'])
}

async function main() {
  const options = readArguments(process.argv.slice(2))
  if (options.help) {
    console.log(HELP)
    return 0
  }
  if (Number(process.versions.node.split('.')[0]) < 20) {
    throw new StepFailed(
      `Node 20 or newer is needed to set up (this is ${process.versions.node}); npm brings ${OLDEST_NODE} for the rest.`,
    )
  }
  const checkpoint = options.checkpoint ?? samplePath()
  if (checkpoint === undefined)
    throw new StepFailed('resources/sample is not there: name a checkpoint, npm start -- CKPT')
  if (!existsSync(checkpoint)) throw new StepFailed(`There is no ${checkpoint}.`)
  await setUpAlone(async () => {
    await findTools({ tests: false })
    await installPackages(timedStep)
    await buildNative(timedStep, { tests: false })
    await buildStudio(timedStep)
  })
  const status = await squeeze('run', checkpoint)
  return status !== 0 || !options.open ? status : openStudio()
}

forwardSignals()
main().then(
  (status) => process.exit(status),
  (error) => {
    console.error(error instanceof StepFailed ? error.message : error)
    process.exit(1)
  },
)
