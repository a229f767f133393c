#!/usr/bin/env node
// Writes every file the way `npm run check` wants it.
import { join } from 'node:path'
import { cppFiles, pinnedNode, root } from './lib/places.mjs'
import { ask, runHere } from './lib/run.mjs'

const prettier = join(root, 'node_modules', 'prettier', 'bin', 'prettier.cjs')
const status = await runHere(pinnedNode(), [prettier, '--write', '--log-level=warn', '.'])
if (ask('clang-format')) process.exitCode = (await runHere('clang-format', ['-i', ...cppFiles()])) || status
else console.warn('There is no clang-format: C++ is left as it is.')
