import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Folder with package.json. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))

/** Everything that is built but not shipped. */
export const buildFolder = join(root, 'build')

const exe = process.platform === 'win32' ? '.exe' : ''

export const sidecar = join(buildFolder, 'release', `squeeze-sidecar${exe}`)
export const nativeTests = join(buildFolder, 'release', `squeeze-tests${exe}`)

/** The oldest Node that the studio itself runs on; older ones can still run these scripts. */
export const OLDEST_NODE = 24

/** Name of the npm package that holds Node for this system, where there is one (see optionalDependencies). */
export function nodePackage() {
  return `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`
}

/** The Node that npm brought, else this one. */
export function pinnedNode() {
  const brought = join(root, 'node_modules', nodePackage(), 'bin', `node${exe}`)
  return existsSync(brought) ? brought : process.execPath
}

/** The variables of this process without what `npm start` adds: inherited, they change what an inner npm does. */
export function cleanEnvironment() {
  const inherited = (name) => name.startsWith('npm_') || name === 'INIT_CWD' || name === 'ELECTRON_RUN_AS_NODE'
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !inherited(name)))
}

/** C++ written by hand. */
export function cppFiles() {
  return readdirSync(join(root, 'native'), { recursive: true })
    .filter((name) => /\.(cpp|hpp|inc|cu|cuh)$/.test(name) && !name.includes('.gen.'))
    .map((name) => join('native', name))
}
