import { hostname } from 'node:os'
import BetterSqlite3 from 'better-sqlite3'
import type { ErrorInfo } from '../../shared/contract/errors.ts'
import { fail, StudioError, toErrorInfo } from '../../shared/contract/studio-error.ts'
import { endJob, insertJob, touchProject, updateJobProgress, type JobKind } from '../db/index.ts'
import type { Asked } from './asked.ts'
import { studioCloses } from './background.ts'
import type { Context } from './context.ts'
import { openJobLog } from './job-log.ts'
import type { ProgressListener } from './progress.ts'

/** What every long use case takes. */
export type RunOptions = {
  onProgress?: ProgressListener | undefined
  /** Told the number of each job as it is recorded. */
  onJob?: ((jobId: number) => void) | undefined
  signal?: AbortSignal | undefined
  /** "cpu", "cuda:<index>" or "auto"; auto takes the first GPU that works. */
  device?: string | undefined
  /** 0 or absent: one thread per physical core. */
  threads?: number | undefined
  /** Memory that a job may take, such as "8GB" or "50%"; absent or "auto": each job's usual amount. */
  memory?: string | undefined
  /** False keeps it out of the studio's database. */
  record?: boolean | undefined
  /** What this is a part of; set by the use case itself. */
  asked?: Asked | undefined
}

const STORE_EVERY_MS = 500

/** Runs a job and, where it belongs to a project, keeps its state in the database, so that every shell sees it. */
export async function runAsJob<T>(
  context: Context,
  job: { kind: JobKind; projectId: number | undefined; params: unknown },
  options: RunOptions,
  work: (onProgress: ProgressListener) => Promise<T>,
): Promise<T> {
  const { projectId } = job
  const { asked, signal } = options
  if (projectId === undefined) return work((progress) => options.onProgress?.(progress))
  const database = context.database()
  const id = stored(() =>
    insertJob(database, { ...job, asked, host: hostname(), processId: process.pid, now: Date.now() }),
  )
  options.onJob?.(id)
  const log = openJobLog(context.home, id)
  const unfollow = context.sidecar.onLogLine((line) => log.write(`sidecar: ${line}`))
  let storedAt = 0
  const onProgress: ProgressListener = (progress) => {
    options.onProgress?.(progress)
    log.progressed(progress)
    if (Date.now() - storedAt < STORE_EVERY_MS) return
    storedAt = Date.now()
    quietly(() => updateJobProgress(database, id, progress))
  }
  try {
    const result = await work(onProgress)
    stored(() => endJob(database, id, { state: 'done', now: Date.now() }))
    log.end('Done.')
    return result
  } catch (thrown) {
    const error = toErrorInfo(thrown)
    const state = error.code !== 'cancelled' ? 'failed' : studioCloses(signal) ? 'interrupted' : 'cancelled'
    log.end(state === 'failed' ? failureText(error) : ENDS[state])
    quietly(() => endJob(database, id, { state, error: state === 'failed' ? error : undefined, now: Date.now() }))
    throw thrown
  } finally {
    unfollow()
    quietly(() => touchProject(database, projectId, Date.now()))
  }
}

const ENDS = { cancelled: 'Cancelled.', interrupted: 'Interrupted: the studio was closed.' }

function failureText({ message, stage, layer, tensor, hint }: ErrorInfo): string {
  const place = [stage && `stage ${stage}`, layer !== undefined && `layer ${layer}`, tensor].filter(Boolean).join(', ')
  return [`Failed: ${message}`, place, hint].filter(Boolean).join('\n')
}

/** A write that matters: what SQLite says becomes an error that a person can act on. */
export function stored<T>(write: () => T): T {
  try {
    return write()
  } catch (error) {
    if (!(error instanceof BetterSqlite3.SqliteError)) throw error
    const message = `The studio's database could not be written: ${error.message}.`
    const hint = 'What was made is on disk; only the record of it is missing.'
    if (error.code === 'SQLITE_FULL') throw fail('disk-full', message, { hint }, error)
    if (error.code.startsWith('SQLITE_BUSY')) throw fail('busy', message, { hint }, error)
    if (/^SQLITE_(READONLY|CANTOPEN|IOERR)/.test(error.code)) throw fail('output-unwritable', message, { hint }, error)
    throw fail('internal', message, {}, error)
  }
}

/** A write that may fail without harm: what is written anew later, or matters less than the failure that led here. */
export function quietly(write: () => void): void {
  try {
    write()
  } catch (error) {
    if (!(error instanceof BetterSqlite3.SqliteError) && !(error instanceof StudioError)) throw error
  }
}
