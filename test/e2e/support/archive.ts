import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

type Entry = { files?: Record<string, Entry>; size?: number; offset?: string; unpacked?: boolean }
type Archived = { path: string; unpacked: boolean; read: () => Buffer }

/**
 * The files of an asar archive. Its layout: a header's size twice framed as Chromium's pickles frame it, the header as
 * JSON, then the files one behind the other; what is unpacked lies in a folder beside the archive.
 */
export function filesIn(archive: string): Archived[] {
  const bytes = readFileSync(archive)
  const body = 8 + bytes.readUInt32LE(4)
  const header = JSON.parse(bytes.subarray(16, 16 + bytes.readUInt32LE(12)).toString()) as Entry
  const walk = (entry: Entry, path: string): Archived[] => {
    if (entry.files)
      return Object.entries(entry.files).flatMap(([name, inner]) => walk(inner, path === '' ? name : `${path}/${name}`))
    const { unpacked = false, size = 0, offset = '0' } = entry
    const read = () =>
      unpacked
        ? readFileSync(join(`${archive}.unpacked`, path))
        : bytes.subarray(body + Number(offset), body + Number(offset) + size)
    return [{ path, unpacked, read }]
  }
  return walk(header, '')
}

/** Puts all of an archive into a folder, as a program that cannot look into archives needs it. */
export function extract(archive: string, folder: string): void {
  for (const { path, read } of filesIn(archive)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), read())
  }
}
