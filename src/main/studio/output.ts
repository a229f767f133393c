import { accessSync, constants, existsSync, mkdirSync, realpathSync, statSync } from 'node:fs'
import { basename, dirname, join, relative, resolve, sep } from 'node:path'
import { fail } from '../../shared/contract/studio-error.ts'

/**
 * The absolute path of a folder that is to be made of `source`: refused now, and not after hours, when it cannot be,
 * or when it would lie in the folder of the source, into which nothing is ever written.
 */
export function claimOutput(out: string, source: string): string {
  const path = resolve(out)
  if (existsSync(path)) {
    throw fail('output-exists', `${path} exists already.`, { hint: 'Choose another --out, or move it away.' })
  }
  const folder = folderOf(source)
  if (isWithin(folder, realPath(path))) {
    throw fail('output-unwritable', `${path} lies in ${folder}, and nothing is written into what is read.`, {
      hint: 'Choose an --out beside it.',
    })
  }
  try {
    mkdirSync(dirname(path), { recursive: true })
    accessSync(dirname(path), constants.W_OK)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = cause instanceof Error ? cause.message : String(cause)
    throw fail(code === 'ENOSPC' ? 'disk-full' : 'output-unwritable', `${path} cannot be made: ${why}`, {}, cause)
  }
  return path
}

function folderOf(model: string): string {
  const path = realPath(resolve(model))
  return statSync(path, { throwIfNoEntry: false })?.isFile() ? dirname(path) : path
}

/** With the links of what is there already followed. */
function realPath(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return dirname(path) === path ? path : join(realPath(dirname(path)), basename(path))
  }
}

function isWithin(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && resolve(folder, way) === path
}

/** The path itself, or with -2, -3, … when it is taken. An unfinished folder beside it does not take it: it is resumed. */
function freePath(path: string): string {
  for (let count = 1; ; count += 1) {
    const candidate = count === 1 ? path : `${path}-${count}`
    if (!existsSync(candidate)) return candidate
  }
}

/** Where a result goes when no --out is given: into the studio's folder, which needs a project. */
export function outputFor(out: string | undefined, suggestion: string | undefined, source: string): string {
  if (out !== undefined) return claimOutput(out, source)
  if (suggestion !== undefined) return claimOutput(freePath(suggestion), source)
  throw fail('invalid-request', 'Without a project there is no place for what is made.', {
    hint: 'Say where with --out.',
  })
}
