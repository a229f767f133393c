import { mkdirSync, mkdtempSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fail } from '../../shared/contract/studio-error.ts'
import type { Context } from './context.ts'
import type { RunOptions } from './recording.ts'

/**
 * A folder for what is large and needed only until `use` is done: in the studio's folder, or where the system keeps
 * such things when nothing is recorded. It goes even when the process is told to end at once.
 */
export async function withScratchFolder<T>(
  context: Context,
  options: RunOptions,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const parent = options.record === false ? tmpdir() : join(context.home, 'scratch')
  const folder = makeIn(parent)
  const remove = () => rmSync(folder, { recursive: true, force: true })
  process.once('exit', remove)
  try {
    return await use(folder)
  } finally {
    process.off('exit', remove)
    remove()
    if (options.record !== false) removeIfEmpty(parent)
  }
}

function makeIn(parent: string): string {
  try {
    mkdirSync(parent, { recursive: true })
    return mkdtempSync(join(parent, 'squeeze-scratch-'))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = cause instanceof Error ? cause.message : String(cause)
    const message = `${parent} cannot be written: ${why}`
    throw fail(code === 'ENOSPC' ? 'disk-full' : 'output-unwritable', message, {}, cause)
  }
}

/** Another command may be at work in it. */
function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder)
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}
