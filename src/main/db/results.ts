import type { QuantizationResult, Recipe } from '../../shared/contract/sidecar/quantization.ts'
import type { Database } from './open.ts'

export type MatrixOutcome = QuantizationResult['matrices'][number]

export type ResultRow = {
  id: number
  projectId: number
  calibrationId: number | null
  path: string
  fingerprint: string
  recipe: Recipe
  calibrationFingerprint: string | null
  bitsPerWeight: number
  sizeBytes: number
  checkpointSizeBytes: number
  fp16SizeBytes: number
  objective: number
  peakMemoryBytes: number
  durationMs: number
  createdAt: number
}

type Stored = Omit<ResultRow, 'recipe'> & { recipe: string }

/** A row whose recipe is read. */
function withRecipe<Row extends { recipe: string }>(row: Row): Omit<Row, 'recipe'> & { recipe: Recipe } {
  return { ...row, recipe: JSON.parse(row.recipe) as Recipe }
}

const SELECT = `
  SELECT id, project_id AS projectId, calibration_id AS calibrationId, path, fingerprint, recipe,
         calibration_fingerprint AS calibrationFingerprint, bits_per_weight AS bitsPerWeight, size_bytes AS sizeBytes,
         checkpoint_size_bytes AS checkpointSizeBytes, fp16_size_bytes AS fp16SizeBytes, objective,
         peak_memory_bytes AS peakMemoryBytes, duration_ms AS durationMs, created_at AS createdAt
  FROM results`

/** Condition on the rows of a table with a result_id: those of the checkpoint, and those of results not deleted. */
export const OF_WHAT_IS_THERE = '(result_id IS NULL OR result_id IN (SELECT id FROM results WHERE deleted_at IS NULL))'

/** A result at the same path takes the place of the one recorded before: that folder is gone. */
export function insertResult(
  database: Database,
  entry: { projectId: number; calibrationId: number | undefined; result: QuantizationResult; now: number },
): number {
  const { result } = entry
  const save = database.transaction(() => {
    database.prepare('DELETE FROM results WHERE path = ?').run(result.out)
    const id = Number(
      database
        .prepare(
          `INSERT INTO results (project_id, calibration_id, path, fingerprint, recipe, calibration_fingerprint,
             bits_per_weight, size_bytes, checkpoint_size_bytes, fp16_size_bytes, objective, peak_memory_bytes,
             duration_ms, created_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
          entry.projectId,
          entry.calibrationId ?? null,
          result.out,
          result.fingerprint,
          JSON.stringify(result.recipe),
          result.calibrationFingerprint ?? null,
          result.bitsPerWeight,
          result.sizeBytes,
          result.checkpointSizeBytes,
          result.fp16SizeBytes,
          result.objective,
          result.peakMemoryBytes,
          result.durationMs,
          entry.now,
        ).lastInsertRowid,
    )
    const insert = database.prepare(
      `INSERT INTO result_matrices (result_id, position, name, layer, role, bits, sparse_count, bits_per_weight,
         objective, relative_error)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    for (const [position, m] of result.matrices.entries()) {
      insert.run(
        id,
        position,
        m.name,
        m.layer,
        m.role,
        m.bits,
        m.sparseCount,
        m.bitsPerWeight,
        m.objective,
        m.relativeError,
      )
    }
    return id
  })
  return save.immediate()
}

/** Without the deleted ones, newest first. */
export function listResults(database: Database, projectId: number): ResultRow[] {
  const rows = database.prepare(`${SELECT} WHERE project_id = ? AND deleted_at IS NULL ORDER BY id DESC`).all(projectId)
  return (rows as Stored[]).map(withRecipe)
}

export function resultByPath(database: Database, path: string): ResultRow | undefined {
  const stored = database.prepare(`${SELECT} WHERE path = ? AND deleted_at IS NULL`).get(path) as Stored | undefined
  return stored && withRecipe(stored)
}

export type DeletedResult = {
  id: number
  projectId: number
  path: string
  recipe: Recipe
  sizeBytes: number
  deletedFrom: string
  deletedAt: number
}

const SELECT_DELETED = `
  SELECT id, project_id AS projectId, path, recipe, size_bytes AS sizeBytes, deleted_from AS deletedFrom,
         deleted_at AS deletedAt
  FROM results WHERE deleted_at IS NOT NULL`

/** Newest deletion first. */
export function listDeletedResults(database: Database): DeletedResult[] {
  const rows = database.prepare(`${SELECT_DELETED} ORDER BY deleted_at DESC, id DESC`).all()
  return (rows as (Omit<DeletedResult, 'recipe'> & { recipe: string })[]).map(withRecipe)
}

/** Hides a result; `path` is where its folder is kept meanwhile. */
export function markResultDeleted(database: Database, id: number, entry: { path: string; now: number }): void {
  database
    .prepare('UPDATE results SET deleted_from = path, path = ?, deleted_at = ? WHERE id = ? AND deleted_at IS NULL')
    .run(entry.path, entry.now, id)
}

export function unmarkResultDeleted(database: Database, id: number): void {
  database
    .prepare('UPDATE results SET path = deleted_from, deleted_from = NULL, deleted_at = NULL WHERE id = ?')
    .run(id)
}

/** Removes the row with all that hangs on it. */
export function removeResult(database: Database, id: number): void {
  database.prepare('DELETE FROM results WHERE id = ?').run(id)
}

/** In the order of the checkpoint. */
export function listResultMatrices(database: Database, resultId: number): MatrixOutcome[] {
  return database
    .prepare(
      `SELECT name, layer, role, bits, sparse_count AS sparseCount, bits_per_weight AS bitsPerWeight, objective,
              relative_error AS relativeError
       FROM result_matrices WHERE result_id = ? ORDER BY position`,
    )
    .all(resultId) as MatrixOutcome[]
}
