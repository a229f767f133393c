import type { CheckpointInspectResult } from '../../shared/contract/sidecar/checkpoint.ts'
import type { Database } from './open.ts'

export type ProjectRow = {
  id: number
  slug: string
  name: string
  path: string
  fingerprint: string
  inspection: CheckpointInspectResult
  tokenizer: string | null
  createdAt: number
  changedAt: number
}

type Stored = Omit<ProjectRow, 'inspection'> & { inspection: string }

const SELECT = `
  SELECT p.id, p.slug, p.name, c.path, c.fingerprint, c.inspection, c.tokenizer,
         p.created_at AS createdAt, p.changed_at AS changedAt
  FROM projects p JOIN checkpoints c ON c.id = p.checkpoint_id`

/** The project of a checkpoint, made when there is none; what the inspection says is brought up to date. */
export function upsertProject(
  database: Database,
  entry: { inspection: CheckpointInspectResult; tokenizer?: string | undefined; name: string; now: number },
): ProjectRow {
  const { inspection, tokenizer = null, name, now } = entry
  const save = database.transaction(() => {
    const { id } = database
      .prepare(
        `INSERT INTO checkpoints (path, fingerprint, inspection, tokenizer, inspected_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (path, fingerprint) DO UPDATE SET
           inspection = excluded.inspection, tokenizer = coalesce(excluded.tokenizer, tokenizer),
           inspected_at = excluded.inspected_at
         RETURNING id`,
      )
      .get(inspection.path, inspection.fingerprint, JSON.stringify(inspection), tokenizer, now) as { id: number }
    database
      .prepare(
        `INSERT INTO projects (checkpoint_id, slug, name, created_at, changed_at) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (checkpoint_id) DO NOTHING`,
      )
      .run(id, freeSlug(database, name), name, now, now)
    return toRow(database.prepare(`${SELECT} WHERE c.id = ?`).get(id) as Stored)
  })
  return save.immediate()
}

/** Newest change first. */
export function listProjects(database: Database): ProjectRow[] {
  return (database.prepare(`${SELECT} ORDER BY p.changed_at DESC, p.id DESC`).all() as Stored[]).map(toRow)
}

export function projectById(database: Database, id: number): ProjectRow | undefined {
  return maybeRow(database.prepare(`${SELECT} WHERE p.id = ?`).get(id))
}

/** By slug, else by number. */
export function projectByName(database: Database, name: string): ProjectRow | undefined {
  const found = maybeRow(database.prepare(`${SELECT} WHERE p.slug = ?`).get(name))
  return found ?? (/^\d+$/.test(name) ? projectById(database, Number(name)) : undefined)
}

/** The project changed last among those with these weights, wherever their folder is. */
export function projectByFingerprint(database: Database, fingerprint: string): ProjectRow | undefined {
  return maybeRow(database.prepare(`${SELECT} WHERE c.fingerprint = ? ORDER BY p.changed_at DESC`).get(fingerprint))
}

export function touchProject(database: Database, id: number, now: number): void {
  database.prepare('UPDATE projects SET changed_at = ? WHERE id = ?').run(now, id)
}

/** Removes the project with all its rows; false when there is no such project. */
export function removeProject(database: Database, id: number): boolean {
  return (
    database.prepare('DELETE FROM checkpoints WHERE id = (SELECT checkpoint_id FROM projects WHERE id = ?)').run(id)
      .changes > 0
  )
}

function freeSlug(database: Database, name: string): string {
  const base =
    name
      .normalize('NFKD')
      .replaceAll(/[^A-Za-z0-9._-]+/g, '-')
      .replaceAll(/^[-.]+|[-.]+$/g, '')
      .toLowerCase() || 'project'
  const taken = database.prepare('SELECT 1 FROM projects WHERE slug = ?')
  for (let count = 1; ; count += 1) {
    const slug = count === 1 ? base : `${base}-${count}`
    if (!taken.get(slug)) return slug
  }
}

function maybeRow(stored: unknown): ProjectRow | undefined {
  return stored === undefined ? undefined : toRow(stored as Stored)
}

function toRow(stored: Stored): ProjectRow {
  return { ...stored, inspection: JSON.parse(stored.inspection) as CheckpointInspectResult }
}
