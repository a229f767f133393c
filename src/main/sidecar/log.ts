import { closeSync, mkdirSync, openSync, renameSync, statSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { Readable } from 'node:stream'

const FILE_LIMIT_BYTES = 4 * 1024 * 1024

export type SidecarLog = {
  /** The last lines of the current process, oldest first. */
  tail(lines?: number): string[]
  /** Takes over the stderr of a process that has just been started. */
  follow(stream: Readable): void
  /** Calls with each whole line from now on; returns a function that ends it. */
  onLine(listener: (line: string) => void): () => void
  close(): void
}

/**
 * Keeps the last lines in memory and all of them in a file, where one is given. A file above 4 MiB is moved to "<file>.1"
 * when the studio starts. A log that cannot be written is no reason to stop: the lines in memory remain.
 */
export function createLog(options: { file?: string | undefined; lines?: number } = {}): SidecarLog {
  const keep = options.lines ?? 200
  let file = options.file === undefined ? undefined : openQuietly(options.file)
  let lines: string[] = []
  let unfinished = ''
  const listeners = new Set<(line: string) => void>()

  const take = (chunk: string) => {
    if (file !== undefined) writeQuietly(file, chunk)
    const parts = (unfinished + chunk).split(/\r?\n/)
    // A line without end must not grow without end.
    unfinished = (parts.pop() ?? '').slice(-4096)
    lines = [...lines, ...parts].slice(-keep)
    for (const listener of listeners) for (const line of parts) listener(line)
  }

  return {
    tail: (count = 20) => [...lines, ...(unfinished ? [unfinished] : [])].slice(-count),
    follow(stream) {
      lines = []
      unfinished = ''
      stream.setEncoding('utf8')
      stream.on('data', take)
    },
    onLine(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close() {
      if (file !== undefined) closeSync(file)
      // A process that is still ending may say something more, and the number may be another file's by then.
      file = undefined
    },
  }
}

function openQuietly(path: string): number | undefined {
  try {
    mkdirSync(dirname(path), { recursive: true })
    if (sizeOf(path) > FILE_LIMIT_BYTES) renameSync(path, `${path}.1`)
    return openSync(path, 'a')
  } catch {
    return undefined
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0
}

function writeQuietly(file: number, text: string): void {
  try {
    writeSync(file, text)
  } catch {
    // A full disk is reported by the job that needs the disk.
  }
}
