import type { EvaluationResult } from '../../shared/contract/sidecar/evaluation.ts'
import type { Precision } from '../../shared/contract/sidecar/common.ts'
import type { Database } from './open.ts'
import { OF_WHAT_IS_THERE } from './results.ts'

export type EvaluationRow = {
  id: number
  projectId: number
  resultId: number | null
  modelFingerprint: string
  diverged: boolean
  perplexity: number | null
  meanNll: number | null
  textName: string
  textHash: string
  windowLength: number
  windows: number
  /** Null when the whole text was read. */
  limitWindows: number | null
  tokens: number
  bos: string
  precision: Precision
  againstPath: string | null
  klMean: number | null
  top1Agreement: number | null
  againstPerplexity: number | null
  peakMemoryBytes: number
  durationMs: number
  createdAt: number
}

type Stored = Omit<EvaluationRow, 'diverged'> & { diverged: number }

export function insertEvaluation(
  database: Database,
  entry: {
    projectId: number
    resultId: number | undefined
    modelFingerprint: string
    textName: string
    textHash: string
    bos: string
    limitWindows: number | undefined
    againstPath: string | undefined
    result: EvaluationResult
    now: number
  },
): number {
  const { result } = entry
  return Number(
    database
      .prepare(
        `INSERT INTO evaluations (project_id, result_id, model_fingerprint, diverged, perplexity, mean_nll, text_name,
           text_hash, window_length, windows, limit_windows, tokens, bos, precision, against_path, kl_mean, top1_agreement, against_perplexity,
           peak_memory_bytes, duration_ms, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        entry.projectId,
        entry.resultId ?? null,
        entry.modelFingerprint,
        result.diverged ? 1 : 0,
        result.perplexity ?? null,
        result.meanNll ?? null,
        entry.textName,
        entry.textHash,
        result.windowLength,
        result.windows,
        entry.limitWindows ?? null,
        result.tokens,
        entry.bos,
        result.precision,
        entry.againstPath ?? null,
        result.divergence?.klMean ?? null,
        result.divergence?.top1Agreement ?? null,
        result.divergence?.againstPerplexity ?? null,
        result.peakMemoryBytes,
        result.durationMs,
        entry.now,
      ).lastInsertRowid,
  )
}

/** Of the checkpoint and of every result that is not deleted, newest first. */
export function listEvaluations(database: Database, projectId: number): EvaluationRow[] {
  const rows = database
    .prepare(
      `SELECT id, project_id AS projectId, result_id AS resultId, model_fingerprint AS modelFingerprint, diverged,
              perplexity, mean_nll AS meanNll, text_name AS textName, text_hash AS textHash,
              window_length AS windowLength, windows, limit_windows AS limitWindows, tokens, bos, precision, against_path AS againstPath, kl_mean AS klMean,
              top1_agreement AS top1Agreement, against_perplexity AS againstPerplexity,
              peak_memory_bytes AS peakMemoryBytes, duration_ms AS durationMs, created_at AS createdAt
       FROM evaluations WHERE project_id = ? AND ${OF_WHAT_IS_THERE} ORDER BY id DESC`,
    )
    .all(projectId) as Stored[]
  return rows.map((row) => ({ ...row, diverged: row.diverged === 1 }))
}
