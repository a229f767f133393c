#!/usr/bin/env node
// Sets up as `npm start` does, then packs the studio for this system. Nothing but Node itself is loaded before the
// set-up, which brings the rest.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { buildFolder, pinnedNode, root, sidecar } from './lib/places.mjs'
import { forwardSignals, runHere, StepFailed } from './lib/run.mjs'
import { buildNative, buildStudio, findTools, installPackages, setUpAlone, timedStep } from './lib/set-up.mjs'

const HELP = `npm run package -- [--dir] [--electron FOLDER]

Packs the studio for this system into dist: AppImage and deb, dmg and zip, or an installer for Windows.

  --dir               only the folder that they would hold
  --electron FOLDER   an unpacked Electron of the pinned version, instead of fetching one
  --help              this text
`

function readArguments(args) {
  const options = { dir: false, help: false, electron: undefined }
  for (let i = 0; i < args.length; i++) {
    if (args[i] === '--dir') options.dir = true
    else if (args[i] === '--help' || args[i] === '-h') options.help = true
    else if (args[i] === '--electron' && args[i + 1] && existsSync(args[i + 1])) options.electron = args[++i]
    else throw new StepFailed(`${args[i]} is not known, or names no folder.\n\n${HELP}`)
  }
  return options
}

async function main() {
  const { dir, help, electron } = readArguments(process.argv.slice(2))
  if (help) {
    console.log(HELP)
    return 0
  }
  await setUpAlone(async () => {
    await findTools({ tests: false })
    await installPackages(timedStep)
    await buildNative(timedStep, { tests: false })
    await buildStudio(timedStep)
  })
  const asked = { dir, electron, sidecar, gathered: join(buildFolder, 'package'), output: join(root, 'dist') }
  return runHere(pinnedNode(), [join(root, 'scripts', 'package', 'build.mjs'), JSON.stringify(asked)])
}

forwardSignals()
main().then(
  (status) => process.exit(status),
  (error) => {
    console.error(error instanceof StepFailed ? error.message : error)
    process.exit(1)
  },
)
