import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { beforeEach, describe, expect, it } from 'vitest'
import type { BenchmarkResult } from '../../shared/contract/sidecar/benchmark.ts'
import type { CheckpointInspectResult } from '../../shared/contract/sidecar/checkpoint.ts'
import { PUBLISHED_RECIPE } from '../../shared/recipe/default-recipe.ts'
import { migrate, versionOf } from './migrate.ts'
import { migrations } from './migrations/index.ts'
import {
  endJob,
  insertBenchmark,
  insertCalibration,
  insertEvaluation,
  insertJob,
  insertResult,
  listBenchmarks,
  listCalibrations,
  listEvaluations,
  listJobs,
  listProjects,
  listResultMatrices,
  listResults,
  listRunningJobs,
  listSensitivities,
  openDatabase,
  projectByName,
  removeProject,
  updateJobProgress,
  upsertProject,
  type Database,
} from './index.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'squeeze-db-'))
})

const inspection = (path: string, fingerprint = 'f1') =>
  ({ path, fingerprint, family: 'llama' }) as CheckpointInspectResult

describe('opening', () => {
  it('makes the folder and a database at the latest version', () => {
    const database = openDatabase(join(home, 'deep', 'folder'))
    expect(versionOf(database)).toBe(migrations.length)
    expect(database.pragma('journal_mode', { simple: true })).toBe('wal')
    expect(database.pragma('foreign_keys', { simple: true })).toBe(1)
    database.close()
    const again = openDatabase(join(home, 'deep', 'folder'))
    expect(versionOf(again)).toBe(migrations.length)
    expect(readdirSync(join(home, 'deep', 'folder'))).not.toContain('backups')
  })

  it('refuses a database from a newer studio and leaves it alone', () => {
    const database = openDatabase(home)
    database.pragma('user_version = 999')
    database.close()
    expect(() => openDatabase(home)).toThrow(/has version 999, and this studio knows versions up to/)
    expect(versionOf(new BetterSqlite3(join(home, 'studio.db')))).toBe(999)
  })

  it('says so when the file is no database or the folder cannot be made', () => {
    writeFileSync(
      join(home, 'studio.db'),
      'this is a plain text file, and long enough to be looked at as a header\n'.repeat(20),
    )
    expect(() => openDatabase(home)).toThrow(/is not a database of the studio/)
    rmSync(join(home, 'studio.db'))
    openDatabase(home).close()
    truncateSync(join(home, 'studio.db'), 5000)
    expect(() => openDatabase(home)).toThrow(/studio\.db is damaged/)
    writeFileSync(join(home, 'file'), '')
    expect(() => openDatabase(join(home, 'file', 'home'))).toThrow(/cannot be used/)
  })
})

describe('migrations', () => {
  const first = { name: '0001-a', sql: 'CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (42);' }
  const second = { name: '0002-b', sql: 'CREATE TABLE b (y INTEGER) STRICT;' }
  const broken = { name: '0003-c', sql: 'CREATE TABLE c (z INTEGER) STRICT; INSERT INTO nowhere VALUES (1);' }

  it('back up what is there before they run', () => {
    const database = new BetterSqlite3(join(home, 'studio.db'))
    migrate(database, [first])
    migrate(database, [first, second])
    const [backup] = readdirSync(join(home, 'backups'))
    expect(backup).toMatch(/^studio-v1-.*\.db$/)
    const copy = new BetterSqlite3(join(home, 'backups', backup ?? ''))
    expect(copy.prepare('SELECT x FROM a').get()).toEqual({ x: 42 })
    expect(versionOf(copy)).toBe(1)
  })

  it('stop at a failure and keep the last good version whole', () => {
    const database = new BetterSqlite3(join(home, 'studio.db'))
    expect(() => migrate(database, [first, second, broken])).toThrow(/0003-c failed \(no such table: nowhere\)/)
    expect(versionOf(database)).toBe(2)
    const tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").pluck().all()
    expect(tables).toEqual(['a', 'b'])
  })

  it('do nothing when another process has just run them', () => {
    mkdirSync(home, { recursive: true })
    const one = new BetterSqlite3(join(home, 'studio.db'))
    const two = new BetterSqlite3(join(home, 'studio.db'))
    migrate(one, [first, second])
    migrate(two, [first, second])
    expect(two.prepare('SELECT count(*) FROM a').pluck().get()).toBe(1)
  })
})

function benchmarkEntry(projectId: number, resultId: number) {
  const spread = { median: 2, min: 1, max: 3 }
  const at = { context: 512, tokensPerSecond: spread, cacheBytesPerToken: 7, bandwidthShare: spread }
  const speed = {
    path: '/r',
    storedAs: '3 bits',
    headStoredAs: 'F16',
    weightBytesPerToken: 5,
    cacheBytesPerPosition: 1,
    memoryBytes: 6,
    promptTokensPerSecond: spread,
    firstTokenMs: spread,
    generation: [at],
  }
  const result: BenchmarkResult = {
    kind: 'benchmark',
    models: [speed],
    promptTokens: 512,
    generateTokens: 128,
    rounds: 5,
    interleaved: true,
    simd: 'avx2',
    arithmetic: 'int16',
    readBandwidth: { threads: 2, allThreads: spread, oneThread: spread },
    peakMemoryBytes: 8,
    durationMs: 9,
  }
  return { projectId, resultId, modelFingerprint: 'rf', processor: 'P', speed, result, now: 9 }
}

describe('a database from before there was a choice of precision', () => {
  it('holds what was measured in fp32', () => {
    const database = new BetterSqlite3(join(home, 'studio.db'))
    migrate(database, migrations.slice(0, 1))
    database.exec(`
      INSERT INTO checkpoints VALUES (1, '/m', 'f1', '{}', NULL, 1);
      INSERT INTO projects VALUES (1, 1, 'm', 'm', 1, 1);
      INSERT INTO calibrations (project_id, path, fingerprint, estimator, samples, asked_samples, length, loss, created_at)
        VALUES (1, '/c', 'cf', 'sample', 2, 2, 16, 2.5, 1);
      INSERT INTO evaluations (project_id, model_fingerprint, diverged, perplexity, text_name, text_hash, window_length,
          windows, tokens, bos, peak_memory_bytes, duration_ms, created_at)
        VALUES (1, 'f1', 0, 7.5, 't', 'h', 16, 2, 30, 'none', 1, 1, 1);
    `)
    database.close()
    const opened = openDatabase(home)
    expect(listEvaluations(opened, 1)).toMatchObject([{ perplexity: 7.5, precision: 'fp32' }])
    expect(listCalibrations(opened, 1)).toMatchObject([{ loss: 2.5, precision: 'fp32' }])
  })
})

describe('rows', () => {
  let database: Database
  beforeEach(() => {
    database = openDatabase(home)
  })
  const project = (path = '/models/Tiny Llama', fingerprint = 'f1') =>
    upsertProject(database, { inspection: inspection(path, fingerprint), name: 'Tiny Llama', now: 5 })

  it('a project is one path with one fingerprint', () => {
    const one = project()
    expect(one.slug).toBe('tiny-llama')
    expect(project().id).toBe(one.id)
    expect(project('/models/Tiny Llama', 'f2').slug).toBe('tiny-llama-2')
    expect(project('/elsewhere', 'f1').slug).toBe('tiny-llama-3')
    expect(listProjects(database)).toHaveLength(3)
    expect(projectByName(database, 'tiny-llama-2')?.fingerprint).toBe('f2')
    expect(projectByName(database, String(one.id))?.slug).toBe('tiny-llama')
  })

  it('what was learnt hangs on the project and goes with it', () => {
    const { id: projectId } = project()
    const matrix = { name: 'l.0.q.weight', layer: 0, role: 'q', rows: 4, cols: 8, sum: 1, max: 0.5, weighted: 2 }
    const calibration = {
      kind: 'calibration' as const,
      out: '/c',
      fingerprint: 'cf',
      checkpointFingerprint: 'f1',
      estimator: 'sample' as const,
      precision: 'bf16' as const,
      samples: 2,
      length: 16,
      loss: 2.5,
      matrices: [matrix],
      sizeBytes: 10,
      peakMemoryBytes: 20,
      durationMs: 1.5,
    }
    const entry = { projectId, result: calibration, askedSamples: 2, textName: 't', textHash: 'h', now: 6 }
    insertCalibration(database, entry)
    const calibrationId = insertCalibration(database, entry)
    expect(listCalibrations(database, projectId)).toMatchObject([{ estimator: 'sample', precision: 'bf16' }])
    expect(listSensitivities(database, calibrationId)).toEqual([matrix])

    const outcome = {
      name: 'l.0.q.weight',
      layer: 0,
      role: 'q',
      bits: 3,
      sparseCount: 2,
      bitsPerWeight: 3.2,
      objective: 1,
      relativeError: 0.1,
    }
    const resultId = insertResult(database, {
      projectId,
      calibrationId,
      now: 7,
      result: {
        kind: 'quantization',
        out: '/r',
        fingerprint: 'rf',
        checkpointFingerprint: 'f1',
        calibrationFingerprint: 'cf',
        recipe: PUBLISHED_RECIPE,
        bitsPerWeight: 3.2,
        sizeBytes: 100,
        checkpointSizeBytes: 400,
        fp16SizeBytes: 200,
        objective: 1,
        matrices: [outcome],
        resumedMatrices: 0,
        peakMemoryBytes: 5,
        durationMs: 2,
      },
    })
    expect(listResults(database, projectId)[0]).toMatchObject({
      recipe: PUBLISHED_RECIPE,
      calibrationId,
      bitsPerWeight: 3.2,
    })
    expect(listResultMatrices(database, resultId)).toEqual([outcome])

    insertEvaluation(database, {
      projectId,
      resultId,
      modelFingerprint: 'rf',
      textName: 't',
      textHash: 'h',
      bos: 'none',
      limitWindows: undefined,
      againstPath: undefined,
      now: 8,
      result: {
        kind: 'evaluation',
        diverged: true,
        tokens: 30,
        windows: 2,
        windowLength: 16,
        precision: 'bf16',
        peakMemoryBytes: 1,
        durationMs: 1,
      },
    })
    expect(listEvaluations(database, projectId)[0]).toMatchObject({
      diverged: true,
      perplexity: null,
      precision: 'bf16',
      resultId,
    })

    const measured = benchmarkEntry(projectId, resultId)
    insertBenchmark(database, measured)
    insertBenchmark(database, { ...measured, resultId: undefined, now: 10 })
    const { speed, result } = measured
    expect(listBenchmarks(database, projectId)).toMatchObject([
      { resultId: null, createdAt: 10 },
      { resultId, interleaved: true, threads: 2, simd: 'avx2', promptTokens: 512, speed, processor: 'P', createdAt: 9 },
    ])
    expect(listBenchmarks(database, projectId)[0]?.readBandwidth).toEqual(result.readBandwidth)

    expect(removeProject(database, projectId)).toBe(true)
    expect(removeProject(database, projectId)).toBe(false)
    for (const table of [
      'projects',
      'checkpoints',
      'calibrations',
      'sensitivities',
      'results',
      'result_matrices',
      'evaluations',
      'benchmarks',
    ]) {
      expect(database.prepare(`SELECT count(*) FROM ${table}`).pluck().get(), table).toBe(0)
    }
  })

  it('a job goes from running to its end', () => {
    const id = insertJob(database, {
      projectId: undefined,
      kind: 'export',
      params: { a: 1 },
      host: 'h',
      processId: 7,
      now: 1,
    })
    updateJobProgress(database, id, { stage: 'Writing', fraction: 0.5 })
    expect(listRunningJobs(database)[0]).toMatchObject({ id, progress: { fraction: 0.5 }, params: { a: 1 } })
    endJob(database, id, { state: 'failed', error: { code: 'disk-full', message: 'No.', retryable: true }, now: 2 })
    expect(listRunningJobs(database)).toEqual([])
    expect(listJobs(database)[0]).toMatchObject({ state: 'failed', error: { code: 'disk-full' }, endedAt: 2 })
  })
})
