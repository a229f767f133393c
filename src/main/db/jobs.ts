import type { ErrorInfo } from '../../shared/contract/errors.ts'
import type { JobProgressed } from '../../shared/contract/sidecar/job.ts'
import type { Database } from './open.ts'

export type JobKind =
  'calibration' | 'quantization' | 'evaluation' | 'generation' | 'export' | 'benchmark' | 'errors' | 'sweep'
export type JobState = 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted'
export type JobProgress = Omit<JobProgressed, 'jobId' | 'seq'>

export type JobRow = {
  id: number
  projectId: number | null
  kind: JobKind
  params: unknown
  /** What was asked for, of which this job is the whole or a part; null where nobody recorded it. */
  asked: unknown
  state: JobState
  progress: JobProgress | null
  error: ErrorInfo | null
  host: string
  processId: number
  startedAt: number
  endedAt: number | null
}

type Stored = Omit<JobRow, 'params' | 'asked' | 'progress' | 'error'> & {
  params: string
  asked: string | null
  progress: string | null
  error: string | null
}

const SELECT = `
  SELECT id, project_id AS projectId, kind, params, asked, state, progress, error, host, process_id AS processId,
         started_at AS startedAt, ended_at AS endedAt
  FROM jobs`

export function insertJob(
  database: Database,
  entry: {
    projectId: number | undefined
    kind: JobKind
    params: unknown
    asked?: unknown
    host: string
    processId: number
    now: number
  },
): number {
  const { projectId = null, kind, params, asked, host, processId, now } = entry
  return Number(
    database
      .prepare(
        `INSERT INTO jobs (project_id, kind, params, asked, state, host, process_id, started_at)
         VALUES (?, ?, ?, ?, 'running', ?, ?, ?)`,
      )
      .run(
        projectId,
        kind,
        JSON.stringify(params),
        asked === undefined ? null : JSON.stringify(asked),
        host,
        processId,
        now,
      ).lastInsertRowid,
  )
}

export function updateJobProgress(database: Database, id: number, progress: JobProgress): void {
  database.prepare('UPDATE jobs SET progress = ? WHERE id = ?').run(JSON.stringify(progress), id)
}

export function endJob(
  database: Database,
  id: number,
  entry: { state: Exclude<JobState, 'running'>; error?: ErrorInfo | undefined; now: number },
): void {
  const error = entry.error === undefined ? null : JSON.stringify(entry.error)
  database
    .prepare('UPDATE jobs SET state = ?, error = ?, ended_at = ? WHERE id = ?')
    .run(entry.state, error, entry.now, id)
}

export function jobById(database: Database, id: number): JobRow | undefined {
  const row = database.prepare(`${SELECT} WHERE id = ?`).get(id) as Stored | undefined
  return row && toRow(row)
}

/** Newest first. */
export function listJobs(database: Database, filter: { projectId?: number; limit?: number } = {}): JobRow[] {
  const { projectId = null, limit = 100 } = filter
  const rows = database
    .prepare(`${SELECT} WHERE (@projectId IS NULL OR project_id = @projectId) ORDER BY id DESC LIMIT @limit`)
    .all({ projectId, limit }) as Stored[]
  return rows.map(toRow)
}

export function listRunningJobs(database: Database): JobRow[] {
  return (database.prepare(`${SELECT} WHERE state = 'running'`).all() as Stored[]).map(toRow)
}

function toRow(stored: Stored): JobRow {
  return {
    ...stored,
    params: JSON.parse(stored.params) as unknown,
    asked: stored.asked === null ? null : (JSON.parse(stored.asked) as unknown),
    progress: stored.progress === null ? null : (JSON.parse(stored.progress) as JobProgress),
    error: stored.error === null ? null : (JSON.parse(stored.error) as ErrorInfo),
  }
}
