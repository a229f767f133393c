import { existsSync, writeFileSync } from 'node:fs'
import { fail } from '../../shared/contract/studio-error.ts'

/** A file that a command makes; never in the place of another one. */
export function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { flag: 'wx' })
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') throw exists(path)
    throw fail('output-unwritable', `${path} cannot be written: ${message}.`)
  }
}

/** For before long work whose outcome would find no place. */
export function refuseExisting(path: string): void {
  if (existsSync(path)) throw exists(path)
}

const exists = (path: string) => fail('output-exists', `${path} exists.`, { hint: 'Name another file.' })
