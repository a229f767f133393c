#!/usr/bin/env node
// Measures this machine: sets up what is not, then runs the native benches and `squeeze bench` on matrix products
// and on models of random weights. Tables go to the terminal, figures to build/bench/*.json, logs to build/logs.
import { mkdirSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import { buildFolder, pinnedNode, root } from './lib/places.mjs'
import { failureText, forwardSignals, runHere, runLogged, StepFailed } from './lib/run.mjs'
import { buildNative, buildStudio, findTools, installPackages, setUpAlone, timedStep } from './lib/set-up.mjs'

const HELP = `npm run bench -- [--shape NAME] [--only native|kernels|models]

  --shape NAME   shape of the models of random weights (default: 0.4b)
  --only PART    one part alone
  --help         this text
`

const WANTS_ARGUMENTS = 2
const PARTS = { native: nativeBenches, kernels, models }
const folder = join(buildFolder, 'bench')

function readArguments(args) {
  const options = { shape: '0.4b', parts: Object.keys(PARTS), help: false }
  for (let i = 0; i < args.length; i += 1) {
    if (args[i] === '--help' || args[i] === '-h') options.help = true
    else if (args[i] === '--shape' && args[i + 1]) options.shape = args[++i]
    else if (args[i] === '--only' && args[i + 1] in PARTS) options.parts = [args[++i]]
    else throw new StepFailed(`${args[i]} is not known, or lacks its value.\n\n${HELP}`)
  }
  return options
}

/** The files named x_bench.cpp, built beside their JSON; those named x_device_bench.cpp belong to gpu-check.sh. */
async function nativeBenches() {
  const names = readdirSync(join(root, 'native'), { recursive: true })
    .filter((path) => path.endsWith('_bench.cpp') && !path.endsWith('_device_bench.cpp'))
    .map((path) => basename(path, '.cpp'))
  await timedStep('Build the native benches', async () => {
    await must('cmake', ['--preset', 'bench', '-S', join(root, 'native')])
    await must('cmake', ['--build', folder, '--parallel', String(availableParallelism()), '--target', ...names])
  })
  const statuses = []
  for (const name of names) {
    console.log(`\n── ${name}`)
    const result = await runLogged(name, join(folder, name), [], { show: true })
    // Some of them want a model to be named, and say so.
    if (result.code === WANTS_ARGUMENTS) continue
    if (result.code !== 0) console.log(`${name}: exit ${result.code}`)
    statuses.push(result.code)
  }
  return Math.max(0, ...statuses)
}

async function must(command, args) {
  const result = await runLogged('bench-build', command, args)
  if (result.code !== 0) throw new StepFailed(failureText(command, result))
}

function kernels() {
  console.log('\n── Matrix products with few tokens')
  return squeeze('--kernels', '--save', join(folder, 'kernels.json'))
}

function models({ shape }) {
  console.log(`\n── Models of random weights, ${shape}`)
  const layouts = 'f16,8,4,3,2,3+0.45%'
  return squeeze('--shape', shape, '--weights', layouts, '--head', '4', '--save', join(folder, `models-${shape}.json`))
}

/** In a studio's folder of its own, so that the models it makes lie on this disk and nobody's records are touched. */
const squeeze = (...args) =>
  runHere(pinnedNode(), [join(root, 'bin', 'squeeze'), 'bench', '--home', join(folder, 'home'), ...args])

async function main() {
  const options = readArguments(process.argv.slice(2))
  if (options.help) {
    console.log(HELP)
    return 0
  }
  await setUpAlone(async () => {
    await findTools({ tests: false })
    await installPackages(timedStep)
    await buildNative(timedStep, { tests: false })
    await buildStudio(timedStep)
  })
  mkdirSync(folder, { recursive: true })
  let worst = 0
  for (const part of options.parts) worst = Math.max(worst, await PARTS[part](options))
  console.log(`\nFigures: ${folder}`)
  return worst
}

forwardSignals()
main().then(
  (status) => process.exit(status),
  (error) => {
    console.error(error instanceof StepFailed ? error.message : error)
    process.exit(1)
  },
)
