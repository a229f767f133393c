import { existsSync, statfsSync } from 'node:fs'
import { availableParallelism, freemem, totalmem } from 'node:os'
import { dirname } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import type { ErrorInfo } from '../../shared/contract/errors.ts'
import { CONTRACT_HASH } from '../../shared/contract/contract-hash.ts'
import type { HelloResult } from '../../shared/contract/sidecar/hello.ts'
import type { Settings } from '../../shared/contract/studio/index.ts'
import { toErrorInfo } from '../../shared/contract/studio-error.ts'
import type { Context } from './context.ts'
import { readSettings } from './settings.ts'

export type Doctor = {
  versions: { studio: string; node: string; sqlite?: string; contract: string }
  platform: string
  /** Logical processors that this process may use. */
  processors: number
  memoryBytes: number
  freeMemoryBytes: number
  paths: { program: string; home: string; sidecar?: string }
  /** Free space where the studio's folder is, bytes. */
  homeFreeBytes?: number
  sidecar?: HelloResult
  /** What the page's jobs compute with; absent where the file is damaged. */
  settings?: Settings
  /** What does not work; empty when all is well. */
  problems: ErrorInfo[]
}

/** Looks at all that the studio stands on. Finds problems rather than stopping at them. */
export async function doctor(context: Context, options: { record?: boolean | undefined } = {}): Promise<Doctor> {
  const problems: ErrorInfo[] = []
  const attempt = async <T>(look: () => T | Promise<T>): Promise<T | undefined> => {
    try {
      return await look()
    } catch (error) {
      problems.push(toErrorInfo(error))
      return undefined
    }
  }
  const sidecarPath = await attempt(context.sidecarPath)
  const sidecar = sidecarPath === undefined ? undefined : await attempt(() => context.sidecar.hello())
  if (options.record !== false) await attempt(() => context.database())
  const settings = await attempt(() => readSettings(context.home))
  const sqlite = await attempt(sqliteVersion)
  const space = statfsSync(existingParent(context.home))
  return {
    versions: {
      studio: context.version,
      node: process.versions.node,
      ...(sqlite ? { sqlite } : {}),
      contract: CONTRACT_HASH,
    },
    platform: `${process.platform} ${process.arch}`,
    processors: availableParallelism(),
    memoryBytes: totalmem(),
    freeMemoryBytes: freemem(),
    paths: {
      program: context.root,
      home: context.home,
      ...(sidecarPath === undefined ? {} : { sidecar: sidecarPath }),
    },
    homeFreeBytes: space.bavail * space.bsize,
    ...(sidecar ? { sidecar } : {}),
    ...(settings ? { settings } : {}),
    problems,
  }
}

function sqliteVersion(): string {
  const database = new BetterSqlite3(':memory:')
  try {
    return database.prepare('SELECT sqlite_version()').pluck().get() as string
  } finally {
    database.close()
  }
}

function existingParent(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existingParent(dirname(path))
}
