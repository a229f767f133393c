import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { buildFolder, root } from './places.mjs'

const stampFile = (name) => join(buildFolder, 'stamps', name)

/** Hash of the contents and names of files and folders (relative to the root), and of `also`. */
export function hashOf(inputs, { skip = () => false, also = [] } = {}) {
  const hash = createHash('sha256').update(JSON.stringify(also))
  for (const path of inputs.flatMap((input) => listFiles(join(root, input))).sort()) {
    const name = relative(root, path).split(sep).join('/')
    if (skip(name)) continue
    hash.update(`\n${name}\n`).update(createHash('sha256').update(readFileSync(path)).digest())
  }
  return hash.digest('hex')
}

function listFiles(path) {
  if (!existsSync(path)) return []
  if (statSync(path).isFile()) return [path]
  return readdirSync(path, { withFileTypes: true }).flatMap((entry) =>
    entry.name.startsWith('.') || entry.name === 'node_modules' ? [] : listFiles(join(path, entry.name)),
  )
}

/** True when `name` was made from these very inputs and all it made is still there. */
export function isFresh(name, hash, outputs) {
  return (
    outputs.every((path) => existsSync(path)) &&
    existsSync(stampFile(name)) &&
    readFileSync(stampFile(name), 'utf8') === hash
  )
}

/** Before the work: from here on it is unfinished. */
export function forget(name) {
  rmSync(stampFile(name), { force: true })
}

export function remember(name, hash) {
  mkdirSync(join(buildFolder, 'stamps'), { recursive: true })
  writeFileSync(stampFile(name), hash)
}
