#!/usr/bin/env node
// Packs what is built, on the studio's own Node. usage: build.mjs JSON, as package.mjs makes it
import { build, Platform } from 'electron-builder'
import { root } from '../lib/places.mjs'
import { StepFailed } from '../lib/run.mjs'
import { packageConfig } from './config.mjs'
import { gatherLibraries } from './libraries.mjs'

const { dir, electron, ...places } = JSON.parse(process.argv[2])
try {
  const names = gatherLibraries(places.sidecar, places.gathered)
  console.log(names.length > 0 ? `Packed with the sidecar: ${names.join(', ')}` : 'The sidecar is packed alone.')
  const config = { ...packageConfig(places), ...(electron ? { electronDist: electron } : {}) }
  await build({ projectDir: root, targets: Platform.current().createTarget(dir ? 'dir' : null), config })
} catch (error) {
  console.error(error instanceof StepFailed ? error.message : error)
  process.exitCode = 1
}
