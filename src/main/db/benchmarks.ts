import type { Arithmetic, BenchmarkResult, ModelSpeed, ReadBandwidth } from '../../shared/contract/sidecar/benchmark.ts'
import type { Database } from './open.ts'
import { OF_WHAT_IS_THERE } from './results.ts'

export type BenchmarkRow = {
  id: number
  projectId: number
  /** Null when it was the checkpoint. */
  resultId: number | null
  modelFingerprint: string
  processor: string
  threads: number
  simd: string
  arithmetic: Arithmetic
  promptTokens: number
  generateTokens: number
  rounds: number
  /** Whether all models of the run took turns. */
  interleaved: boolean
  speed: ModelSpeed
  readBandwidth: ReadBandwidth
  createdAt: number
}

type Stored = Omit<BenchmarkRow, 'interleaved' | 'speed' | 'readBandwidth'> & {
  interleaved: number
  speed: string
  readBandwidth: string
}

/** One model of a run. */
export function insertBenchmark(
  database: Database,
  entry: {
    projectId: number
    resultId: number | undefined
    modelFingerprint: string
    processor: string
    speed: ModelSpeed
    result: BenchmarkResult
    now: number
  },
): number {
  const { speed, result } = entry
  return Number(
    database
      .prepare(
        `INSERT INTO benchmarks (project_id, result_id, model_fingerprint, processor, threads, simd, arithmetic,
           prompt_tokens, generate_tokens, rounds, interleaved, speed, read_bandwidth, created_at)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        entry.projectId,
        entry.resultId ?? null,
        entry.modelFingerprint,
        entry.processor,
        result.readBandwidth.threads,
        result.simd,
        result.arithmetic,
        result.promptTokens,
        result.generateTokens,
        result.rounds,
        result.interleaved ? 1 : 0,
        JSON.stringify(speed),
        JSON.stringify(result.readBandwidth),
        entry.now,
      ).lastInsertRowid,
  )
}

/** As it was measured last of a processor, in any project. */
export function latestReadBandwidth(
  database: Database,
  processor: string,
): { readBandwidth: ReadBandwidth; createdAt: number } | undefined {
  const row = database
    .prepare(
      `SELECT read_bandwidth AS readBandwidth, created_at AS createdAt FROM benchmarks WHERE processor = ?
       ORDER BY id DESC LIMIT 1`,
    )
    .get(processor) as { readBandwidth: string; createdAt: number } | undefined
  return row && { ...row, readBandwidth: JSON.parse(row.readBandwidth) as ReadBandwidth }
}

/** Of the checkpoint and of every result that is not deleted, newest first. */
export function listBenchmarks(database: Database, projectId: number): BenchmarkRow[] {
  const rows = database
    .prepare(
      `SELECT id, project_id AS projectId, result_id AS resultId, model_fingerprint AS modelFingerprint, processor,
              threads, simd, arithmetic, prompt_tokens AS promptTokens, generate_tokens AS generateTokens, rounds,
              interleaved, speed, read_bandwidth AS readBandwidth, created_at AS createdAt
       FROM benchmarks WHERE project_id = ? AND ${OF_WHAT_IS_THERE} ORDER BY id DESC`,
    )
    .all(projectId) as Stored[]
  return rows.map((row) => ({
    ...row,
    interleaved: row.interleaved === 1,
    speed: JSON.parse(row.speed) as ModelSpeed,
    readBandwidth: JSON.parse(row.readBandwidth) as ReadBandwidth,
  }))
}
