import { existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, realpathSync, renameSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { fail } from '../../shared/contract/studio-error.ts'
import type { DeletedResult } from '../../shared/contract/studio/index.ts'
import {
  listDeletedResults,
  listResults,
  listRunningJobs,
  markResultDeleted,
  removeResult,
  resultByPath,
  touchProject,
  unmarkResultDeleted,
  type ResultRow,
} from '../db/index.ts'
import type { Context } from './context.ts'
import { stored } from './recording.ts'

type Studio = Pick<Context, 'home' | 'database'>

/** How long a deleted result can be brought back at least. */
export const KEPT_MS = 24 * 60 * 60 * 1000

const NAME = /^result-[1-9]\d*-(\d+)$/

/**
 * Hides a result. A folder that the studio made in its own goes into its trash; any other stays where it is and is only
 * forgotten. Says which of the two it was. Throws not-found, and busy while a job works with it.
 */
export function deleteResult(
  studio: Studio,
  projectId: number,
  resultId: number,
  now = Date.now(),
): { movedToTrash: boolean } {
  const database = studio.database()
  const row = resultRow(studio, projectId, resultId)
  if (listRunningJobs(database).some(({ params }) => mentions(params, row.path))) {
    throw fail('busy', `${row.path} is in use by a job that runs.`, { hint: 'Wait for the job to end, or cancel it.' })
  }
  const movedToTrash = isOwnResult(studio.home, row.path)
  const path = movedToTrash ? join(trashFolder(studio.home), `result-${resultId}-${now}`) : row.path
  const remove = database.transaction(() => {
    markResultDeleted(database, resultId, { path, now })
    touchProject(database, projectId, now)
    // Last, so that a folder that cannot be moved leaves the record as it was.
    if (movedToTrash) move(row.path, path)
  })
  stored(() => remove.immediate())
  return { movedToTrash }
}

/** Brings a deleted result back to where it was. Throws not-found, and output-exists where something else is by now. */
export function restoreResult(studio: Studio, projectId: number, resultId: number, now = Date.now()): void {
  const database = studio.database()
  const row = listDeletedResults(database).find((each) => each.id === resultId && each.projectId === projectId)
  if (!row) throw fail('not-found', `Project ${projectId} has no deleted result ${resultId}.`)
  const { path, deletedFrom } = row
  const moved = path !== deletedFrom
  if (resultByPath(database, deletedFrom) || (moved && existsAtAll(deletedFrom))) {
    throw fail('output-exists', `${deletedFrom} exists by now.`, { hint: 'Move it away, then restore once more.' })
  }
  if (moved && !isPlainFolder(path)) {
    throw fail('file-not-found', `${path} is gone, so the result cannot be brought back.`)
  }
  const restore = database.transaction(() => {
    unmarkResultDeleted(database, resultId)
    touchProject(database, projectId, now)
    if (moved) move(path, deletedFrom)
  })
  stored(() => restore.immediate())
}

/** What restoreResult can bring back, latest deletion first. */
export function restorableResults(studio: Pick<Context, 'database'>, projectId: number): DeletedResult[] {
  return listDeletedResults(studio.database())
    .filter((row) => row.projectId === projectId && isPlainFolder(row.path))
    .map(({ id, recipe, sizeBytes, path, deletedFrom, deletedAt }) => ({
      id,
      recipe,
      sizeBytes,
      deletedAtMs: deletedAt,
      ...(path === deletedFrom ? {} : { keptUntilMs: deletedAt + KEPT_MS }),
    }))
}

/**
 * Deletes for good what has been in the trash for a day. What cannot be deleted now stays for the next time: the trash
 * never keeps a studio from starting.
 */
export async function emptyTrash(studio: Studio, now = Date.now()): Promise<void> {
  try {
    const folder = trashFolder(studio.home)
    for (const name of isPlainFolder(folder) ? readdirSync(folder) : []) {
      const deletedAt = Number(NAME.exec(name)?.[1] ?? Number.NaN)
      // Removing a folder removes links in it, and never what they point to.
      if (now - deletedAt >= KEPT_MS) await rm(join(folder, name), { recursive: true, force: true })
    }
    const database = studio.database()
    for (const { id, path, deletedFrom, deletedAt } of listDeletedResults(database)) {
      const gone = path === deletedFrom || !existsSync(path)
      if (gone && now - deletedAt >= KEPT_MS) removeResult(database, id)
    }
  } catch {
    // See above.
  }
}

/** Throws not-found. */
export function resultRow(studio: Pick<Context, 'database'>, projectId: number, resultId: number): ResultRow {
  const row = listResults(studio.database(), projectId).find(({ id }) => id === resultId)
  if (!row) throw fail('not-found', `Project ${projectId} has no result ${resultId}.`)
  return row
}

/**
 * Whether a recorded path is a folder of a result that lies in the studio's own: a real folder below its home, reached
 * through no link that leads elsewhere, that says of itself that the studio made it. Everything else is not ours.
 */
export function isOwnResult(home: string, path: string): boolean {
  if (!isAbsolute(path) || resolve(path) !== path || !isPlainFolder(path)) return false
  const base = realpathSync(home)
  const real = realpathSync(path)
  return isBelow(base, real) && !isBelow(join(base, 'trash'), real) && saysItIsAResult(real)
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path)
  return way !== '' && way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}

function saysItIsAResult(folder: string): boolean {
  try {
    const file = join(folder, 'squeeze.json')
    if (!lstatSync(file).isFile()) return false
    const said = JSON.parse(readFileSync(file, 'utf8')) as { tool?: unknown } | null
    return said?.tool === 'squeeze-studio'
  } catch {
    return false
  }
}

/** A folder itself, not a link to one. */
function isPlainFolder(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

function existsAtAll(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

function trashFolder(home: string): string {
  return join(home, 'trash')
}

function move(from: string, to: string): void {
  try {
    const parent = dirname(to)
    mkdirSync(parent, { recursive: true })
    if (!isPlainFolder(parent)) throw new Error(`${parent} is a link.`)
    if (existsAtAll(to)) throw new Error(`${to} exists.`)
    renameSync(from, to)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw fail('output-unwritable', `${from} cannot be moved to ${to}: ${why}`, {}, cause)
  }
}

/** Whether a path is among the values of what a job was started with. */
function mentions(params: unknown, path: string): boolean {
  if (typeof params === 'string') return params === path
  return typeof params === 'object' && params !== null && Object.values(params).some((each) => mentions(each, path))
}
