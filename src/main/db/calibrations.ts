import type { CalibrationResult, MatrixSensitivity } from '../../shared/contract/sidecar/calibration.ts'
import type { Precision } from '../../shared/contract/sidecar/common.ts'
import type { Database } from './open.ts'

export type CalibrationRow = {
  id: number
  projectId: number
  path: string
  fingerprint: string
  estimator: CalibrationResult['estimator']
  precision: Precision
  samples: number
  /** More than samples where the text held no more. */
  askedSamples: number
  length: number
  textName: string | null
  textHash: string | null
  loss: number
  sizeBytes: number | null
  peakMemoryBytes: number | null
  durationMs: number | null
  createdAt: number
}

const SELECT = `
  SELECT id, project_id AS projectId, path, fingerprint, estimator, precision, samples, asked_samples AS askedSamples, length, text_name AS textName,
         text_hash AS textHash, loss, size_bytes AS sizeBytes, peak_memory_bytes AS peakMemoryBytes,
         duration_ms AS durationMs, created_at AS createdAt
  FROM calibrations`

/** A calibration at the same path takes the place of the one recorded before: that folder is gone. */
export function insertCalibration(
  database: Database,
  entry: {
    projectId: number
    result: CalibrationResult
    askedSamples: number
    textName: string
    textHash: string
    now: number
  },
): number {
  const { result } = entry
  const save = database.transaction(() => {
    database.prepare('DELETE FROM calibrations WHERE path = ?').run(result.out)
    const id = Number(
      database
        .prepare(
          `INSERT INTO calibrations (project_id, path, fingerprint, estimator, precision, samples, asked_samples, length, text_name,
             text_hash, loss, size_bytes, peak_memory_bytes, duration_ms, created_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(
          entry.projectId,
          result.out,
          result.fingerprint,
          result.estimator,
          result.precision,
          result.samples,
          entry.askedSamples,
          result.length,
          entry.textName,
          entry.textHash,
          result.loss,
          result.sizeBytes,
          result.peakMemoryBytes,
          result.durationMs,
          entry.now,
        ).lastInsertRowid,
    )
    const insert = database.prepare(
      `INSERT INTO sensitivities (calibration_id, position, name, layer, role, rows, cols, sum, max, weighted)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    for (const [position, m] of result.matrices.entries()) {
      insert.run(id, position, m.name, m.layer, m.role, m.rows, m.cols, m.sum, m.max, m.weighted)
    }
    return id
  })
  return save.immediate()
}

/** Newest first. */
export function listCalibrations(database: Database, projectId: number): CalibrationRow[] {
  return database.prepare(`${SELECT} WHERE project_id = ? ORDER BY id DESC`).all(projectId) as CalibrationRow[]
}

export function calibrationByPath(database: Database, path: string): CalibrationRow | undefined {
  return database.prepare(`${SELECT} WHERE path = ?`).get(path) as CalibrationRow | undefined
}

/** In the order of the checkpoint. */
export function listSensitivities(database: Database, calibrationId: number): MatrixSensitivity[] {
  return database
    .prepare(
      `SELECT name, layer, role, rows, cols, sum, max, weighted FROM sensitivities
       WHERE calibration_id = ? ORDER BY position`,
    )
    .all(calibrationId) as MatrixSensitivity[]
}
