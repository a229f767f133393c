#!/usr/bin/env node
// Imports run one way. This reads every TypeScript import and every C++ #include and names those that do not, with
// file, line and rule. usage: check-layers.mjs [FOLDER]
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, normalize, relative, sep } from 'node:path'
import { builtinModules } from 'node:module'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

// --- TypeScript -----------------------------------------------------------------------------------------------------

/**
 * Part of the tree → the parts it may import besides itself. The most particular part that a file lies in counts;
 * "pages/*" means that each folder there is a part of its own.
 */
const PARTS = {
  'src/shared': [],
  'src/preload': ['src/shared'],
  'src/renderer': [...page('pages/*', 'features/*', 'ui', 'stores', 'bridge'), 'src/shared'],
  'src/renderer/pages/*': ['src/renderer', ...page('features/*', 'ui', 'stores', 'bridge'), 'src/shared'],
  'src/renderer/features/*': ['src/renderer', ...page('features/*', 'ui', 'stores', 'bridge'), 'src/shared'],
  'src/renderer/ui': ['src/shared'],
  'src/renderer/stores': [...page('bridge'), 'src/shared'],
  'src/renderer/bridge': ['src/shared'],
  'src/main/app': ['src/main/studio', 'src/shared'],
  'src/main/server': ['src/main/studio', 'src/shared'],
  // `squeeze serve` starts the other shell that needs no window.
  'src/main/cli': ['src/main/server', 'src/main/studio', 'src/shared'],
  'src/main/studio': ['src/main/db', 'src/main/sidecar', 'src/main/text', 'src/shared'],
  'src/main/db': ['src/shared'],
  'src/main/sidecar': ['src/shared'],
  'src/main/text': ['src/shared'],
}

function page(...parts) {
  return parts.map((part) => `src/renderer/${part}`)
}

/** Parts that run in the page or on both sides, where Node is not. */
const WITHOUT_NODE = ['src/shared', 'src/renderer']
const WITH_ELECTRON = ['src/main/app', 'src/preload']

const isTest = (file) => /\.test\.tsx?$|_test\.cpp$/.test(file)

function checkTypeScript(root) {
  return filesUnder(root, 'src', /\.tsx?$/).flatMap((file) => {
    const text = readFileSync(join(root, file), 'utf8')
    const lineOf = (at) => text.slice(0, at).split('\n').length
    return ts.preProcessFile(text, true, true).importedFiles.flatMap(({ fileName, pos }) => {
      const rule = brokenByImport(file, fileName)
      return rule ? [`${file}:${lineOf(pos)}: "${fileName}": ${rule}`] : []
    })
  })
}

function brokenByImport(file, target) {
  const from = partOf(file)
  if (from === undefined) return 'this folder has no place in the layers; give it one in scripts/check-layers.mjs'
  if (!target.startsWith('.')) return brokenByPackage(file, target)
  const path = normalize(join(dirname(file), target))
    .split(sep)
    .join('/')
  if (isTest(file) && path.startsWith('test/')) return undefined
  const to = partOf(path)
  if (to === undefined) return 'is outside of the sources'
  if (to.name === from.name || from.may.includes(to.pattern)) return undefined
  if (from.pattern === to.pattern && from.pattern.endsWith('pages/*')) return 'a page never imports a page'
  return `${from.name} may import ${from.may.length > 0 ? from.may.join(', ') : 'nothing else'}`
}

function brokenByPackage(file, target) {
  const name = target.replace(/^node:/, '').split('/')[0]
  const within = (folders) => folders.some((folder) => file.startsWith(`${folder}/`))
  if (name === 'electron' && !within(WITH_ELECTRON)) return `only ${WITH_ELECTRON.join(' and ')} know Electron`
  const isNode = target.startsWith('node:') || builtinModules.includes(name)
  if (isNode && within(WITHOUT_NODE) && !isTest(file)) return 'runs in the page, where Node is not'
  return undefined
}

/** The part that a file lies in: its pattern in PARTS, its own name, and what it may import. */
function partOf(file) {
  const patterns = Object.keys(PARTS).sort((a, b) => b.length - a.length)
  for (const pattern of patterns) {
    const name = new RegExp(`^${pattern.replace('*', '[^/]+')}(?=/)`).exec(file)?.[0]
    if (name !== undefined) return { pattern, name, may: PARTS[pattern] }
  }
  return undefined
}

// --- C++ ------------------------------------------------------------------------------------------------------------

/** Top to bottom; a layer includes itself and those below. Equal numbers do not include each other. */
const LAYERS = {
  rpc: 10,
  jobs: 9,
  methods: 8,
  eval: 8,
  calib: 7,
  archs: 6,
  formats: 5,
  ops: 4,
  tensor: 3,
  device: 2,
  base: 1,
}
/** A method is mathematics on one matrix: it knows no model, and no data. */
const NOT_FOR_METHODS = ['calib', 'archs']
/** Where JSON is neither read from a file nor spoken. */
const WITHOUT_JSON = ['methods', 'ops', 'base']

function checkCpp(root) {
  return filesUnder(root, 'native', /\.(cpp|hpp|cu|cuh)$/).flatMap((file) =>
    readFileSync(join(root, file), 'utf8')
      .split('\n')
      .flatMap((line, i) => {
        const target = /^\s*#\s*include\s*[<"]([^>"]+)[>"]/.exec(line)?.[1]
        const rule = target === undefined ? undefined : brokenByInclude(root, file, target)
        return rule ? [`${file}:${i + 1}: "${target}": ${rule}`] : []
      }),
  )
}

function brokenByInclude(root, file, target) {
  const [, from, unit] = file.split('/')
  if (target.startsWith('nlohmann/')) return brokenByJson(file, from)
  if (!existsSync(join(root, 'native', target)) || !(from in LAYERS)) return undefined
  const [to, otherUnit, ...deeper] = target.split('/')
  if (!(to in LAYERS)) return `native/${to} has no place in the layers; give it one in scripts/check-layers.mjs`
  if (from === 'methods' && to === 'methods' && deeper.length > 0 && unit !== otherUnit)
    return 'a method never includes a method'
  if (from === 'methods' && NOT_FOR_METHODS.includes(to)) return `a method never includes ${to}`
  if (from === to || LAYERS[to] < LAYERS[from]) return undefined
  return `${from} lies ${LAYERS[to] === LAYERS[from] ? 'beside' : 'below'} ${to} (${Object.keys(LAYERS).join(' → ')})`
}

function brokenByJson(file, from) {
  if (isTest(file)) return undefined
  if (WITHOUT_JSON.includes(from)) return `${from} knows no JSON`
  // Nobody else includes what is in rpc; elsewhere JSON stays inside the .cpp that reads a file.
  if (/\.(hpp|cuh)$/.test(file) && from !== 'rpc') return 'a header never includes nlohmann'
  return undefined
}

// --------------------------------------------------------------------------------------------------------------------

function filesUnder(root, folder, wanted) {
  if (!existsSync(join(root, folder))) return []
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && wanted.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((file) => !file.includes('node_modules/'))
    .sort()
}

/** Every broken rule under `root`, as "file:line: target: rule". */
export function checkLayers(root) {
  return [...checkTypeScript(root), ...checkCpp(root)]
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = process.argv[2] ?? dirname(dirname(fileURLToPath(import.meta.url)))
  const broken = checkLayers(root)
  for (const line of broken) console.error(line)
  console.log(
    broken.length === 0 ? 'Every import runs down the layers.' : `${broken.length} imports against the layers.`,
  )
  process.exitCode = broken.length === 0 ? 0 : 1
}
