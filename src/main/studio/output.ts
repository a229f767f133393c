import { accessSync, constants, existsSync, mkdirSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fail } from '../../shared/contract/studio-error.ts'

/** The absolute path of a folder that is to be made: refused now, and not after hours, when it cannot be. */
export function claimOutput(out: string): string {
  const path = resolve(out)
  if (existsSync(path)) {
    throw fail('output-exists', `${path} exists already.`, { hint: 'Choose another --out, or move it away.' })
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

/** The path itself, or with -2, -3, … when it is taken. An unfinished folder beside it does not take it: it is resumed. */
function freePath(path: string): string {
  for (let count = 1; ; count += 1) {
    const candidate = count === 1 ? path : `${path}-${count}`
    if (!existsSync(candidate)) return candidate
  }
}

/** Where a result goes when no --out is given: into the studio's folder, which needs a project. */
export function outputFor(out: string | undefined, suggestion: string | undefined): string {
  if (out !== undefined) return claimOutput(out)
  if (suggestion !== undefined) return claimOutput(freePath(suggestion))
  throw fail('invalid-request', 'Without a project there is no place for what is made.', {
    hint: 'Say where with --out.',
  })
}
