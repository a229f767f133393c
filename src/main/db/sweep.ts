import type { Precision } from '../../shared/contract/sidecar/common.ts'
import type { Recipe } from '../../shared/contract/sidecar/quantization.ts'
import type { MatrixErrors, SweepPoint } from '../../shared/contract/sidecar/sweep.ts'
import type { SweepChoices } from '../../shared/contract/studio/index.ts'
import type { Database } from './open.ts'

/** Names a table of errors: of which calibration, by which rule, at which widths and sparsities. */
export type ErrorTableKey = { calibrationId: number; outliers: Recipe['outliers']; grid: string }

export function insertMatrixErrors(database: Database, key: ErrorTableKey, errors: MatrixErrors): void {
  database
    .prepare(
      'INSERT OR REPLACE INTO matrix_errors (calibration_id, outliers, grid, name, errors) VALUES (?, ?, ?, ?, ?)',
    )
    .run(key.calibrationId, key.outliers, key.grid, errors.name, JSON.stringify(errors))
}

/** In no order; those that are there already. */
export function listMatrixErrors(database: Database, key: ErrorTableKey): MatrixErrors[] {
  const rows = database
    .prepare('SELECT errors FROM matrix_errors WHERE calibration_id = ? AND outliers = ? AND grid = ?')
    .all(key.calibrationId, key.outliers, key.grid) as { errors: string }[]
  return rows.map(({ errors }) => JSON.parse(errors) as MatrixErrors)
}

/** Names of the matrices that are there already. */
export function listTabulated(database: Database, key: ErrorTableKey): string[] {
  return database
    .prepare('SELECT name FROM matrix_errors WHERE calibration_id = ? AND outliers = ? AND grid = ?')
    .pluck()
    .all(key.calibrationId, key.outliers, key.grid) as string[]
}

export function saveSweepChoices(database: Database, projectId: number, choices: SweepChoices): void {
  database
    .prepare('INSERT OR REPLACE INTO sweep_choices (project_id, choices) VALUES (?, ?)')
    .run(projectId, JSON.stringify(choices))
}

/** As it was saved, perhaps by an older studio: for the caller to check. */
export function savedSweepChoices(database: Database, projectId: number): unknown {
  const found = database.prepare('SELECT choices FROM sweep_choices WHERE project_id = ?').pluck().get(projectId)
  return found === undefined ? undefined : JSON.parse(found as string)
}

export type SweepPointRow = {
  id: number
  projectId: number
  calibrationFingerprint: string | null
  recipe: Recipe
  textName: string
  textHash: string
  windowLength: number
  limitWindows: number | null
  windows: number
  tokens: number
  bos: string
  precision: Precision
  /** Of the checkpoint itself, nats per predicted token. */
  referenceNll: number | null
  point: SweepPoint
  createdAt: number
}

export function insertSweepPoint(database: Database, row: Omit<SweepPointRow, 'id'>): number {
  const inserted = database
    .prepare(
      `INSERT INTO sweep_points (project_id, calibration_fingerprint, recipe, text_name, text_hash, window_length,
         limit_windows, windows, tokens, bos, precision, reference_nll, point, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      row.projectId,
      row.calibrationFingerprint,
      JSON.stringify(row.recipe),
      row.textName,
      row.textHash,
      row.windowLength,
      row.limitWindows,
      row.windows,
      row.tokens,
      row.bos,
      row.precision,
      row.referenceNll,
      JSON.stringify(row.point),
      row.createdAt,
    )
  return Number(inserted.lastInsertRowid)
}

/** In the order in which they were measured. */
export function listSweepPoints(database: Database, projectId: number): SweepPointRow[] {
  const rows = database
    .prepare(
      `SELECT id, project_id AS projectId, calibration_fingerprint AS calibrationFingerprint, recipe,
         text_name AS textName, text_hash AS textHash, window_length AS windowLength, limit_windows AS limitWindows,
         windows, tokens, bos, precision, reference_nll AS referenceNll, point, created_at AS createdAt
       FROM sweep_points WHERE project_id = ? ORDER BY id`,
    )
    .all(projectId) as (Omit<SweepPointRow, 'recipe' | 'point'> & { recipe: string; point: string })[]
  return rows.map((row) => ({
    ...row,
    recipe: JSON.parse(row.recipe) as Recipe,
    point: JSON.parse(row.point) as SweepPoint,
  }))
}
