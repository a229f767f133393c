import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CheckpointInspectResult } from '../../shared/contract/sidecar/checkpoint.ts'
import type { QuantizationResult } from '../../shared/contract/sidecar/quantization.ts'
import {
  insertEvaluation,
  insertJob,
  insertResult,
  listDeletedResults,
  listEvaluations,
  listResults,
  openDatabase,
  upsertProject,
  type Database,
} from '../db/index.ts'
import { deleteResult, emptyTrash, isOwnResult, KEPT_MS, restorableResults, restoreResult } from './trash.ts'

let folder: string
let home: string
let database: Database
let projectId: number
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'squeeze-trash-'))
  home = join(folder, 'home')
  database = openDatabase(home)
  const inspection = { path: join(folder, 'checkpoint'), fingerprint: 'f' } as CheckpointInspectResult
  projectId = upsertProject(database, { inspection, name: 'c', now: 1 }).id
})
afterEach(() => {
  database.close()
  rmSync(folder, { recursive: true, force: true })
})

const studio = () => ({ home, database: () => database })
const trash = () => join(home, 'trash')

/** A folder that looks like a result. */
function makeResult(...parts: string[]): string {
  const path = join(...parts)
  mkdirSync(path, { recursive: true })
  writeFileSync(join(path, 'squeeze.json'), '{"tool": "squeeze-studio"}')
  writeFileSync(join(path, 'model.safetensors'), 'weights')
  return path
}

function record(path: string): number {
  const result = { out: path, fingerprint: path, recipe: {}, matrices: [] } as unknown as QuantizationResult
  const numbers = { bitsPerWeight: 3, sizeBytes: 1, checkpointSizeBytes: 1, fp16SizeBytes: 1, objective: 1 }
  const costs = { peakMemoryBytes: 1, durationMs: 1 }
  return insertResult(database, {
    projectId,
    calibrationId: undefined,
    result: { ...result, ...numbers, ...costs },
    now: 1,
  })
}

function recordEvaluation(resultId: number): void {
  insertEvaluation(database, {
    projectId,
    resultId,
    modelFingerprint: 'm',
    textName: 't',
    textHash: 'h',
    bos: 'none',
    limitWindows: undefined,
    againstPath: undefined,
    result: {
      kind: 'evaluation',
      diverged: false,
      perplexity: 2,
      tokens: 1,
      windows: 1,
      windowLength: 2,
      precision: 'fp32',
      peakMemoryBytes: 1,
      durationMs: 1,
    },
    now: 1,
  })
}

function code(call: () => unknown): string {
  try {
    call()
    return 'done'
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('a result of the studio', () => {
  it('goes with its measurements, and comes back with them', () => {
    const path = makeResult(home, 'projects', 'c', 'results', 'rtn-3bit')
    const id = record(path)
    recordEvaluation(id)
    expect(deleteResult(studio(), projectId, id, 5)).toEqual({ movedToTrash: true })
    expect(existsSync(path)).toBe(false)
    expect(readdirSync(trash())).toEqual([`result-${id}-5`])
    expect(listResults(database, projectId)).toEqual([])
    expect(listEvaluations(database, projectId)).toEqual([])
    expect(restorableResults(studio(), projectId)).toMatchObject([{ id, deletedAtMs: 5, keptUntilMs: 5 + KEPT_MS }])
    expect(restorableResults(studio(), projectId + 1)).toEqual([])
    expect(code(() => deleteResult(studio(), projectId, id))).toBe('not-found')
    restoreResult(studio(), projectId, id)
    expect(readdirSync(path).sort()).toEqual(['model.safetensors', 'squeeze.json'])
    expect(readdirSync(trash())).toEqual([])
    expect(listResults(database, projectId)).toMatchObject([{ id, path }])
    expect(listEvaluations(database, projectId)).toHaveLength(1)
    expect(code(() => restoreResult(studio(), projectId, id))).toBe('not-found')
  })

  it('leaves its place to another one, and then stays in the trash', () => {
    const path = makeResult(home, 'projects', 'c', 'results', 'rtn-3bit')
    const id = record(path)
    deleteResult(studio(), projectId, id, 5)
    makeResult(path)
    const next = record(path)
    expect(code(() => restoreResult(studio(), projectId, id))).toBe('output-exists')
    expect(listResults(database, projectId)).toMatchObject([{ id: next }])
    deleteResult(studio(), projectId, next, 6)
    restoreResult(studio(), projectId, id)
    expect(listResults(database, projectId)).toMatchObject([{ id, path }])
  })

  it('is not restored where a link has been put, and says so when the trash was emptied by hand', () => {
    const path = makeResult(home, 'r')
    const id = record(path)
    deleteResult(studio(), projectId, id, 5)
    symlinkSync(join(folder, 'nowhere'), path)
    expect(code(() => restoreResult(studio(), projectId, id))).toBe('output-exists')
    rmSync(path)
    rmSync(trash(), { recursive: true })
    expect(code(() => restoreResult(studio(), projectId, id))).toBe('file-not-found')
    expect(restorableResults(studio(), projectId)).toEqual([])
    expect(listDeletedResults(database)).toHaveLength(1)
  })

  it('stays while a job works with it', () => {
    const path = makeResult(home, 'r')
    const id = record(path)
    insertJob(database, {
      projectId,
      kind: 'benchmark',
      params: { models: ['x', path] },
      host: 'h',
      processId: 1,
      now: 1,
    })
    expect(code(() => deleteResult(studio(), projectId, id))).toBe('busy')
    expect(existsSync(path)).toBe(true)
  })

  it('stays recorded when its folder cannot be moved', () => {
    const path = makeResult(home, 'r')
    const id = record(path)
    mkdirSync(join(folder, 'elsewhere'))
    symlinkSync(join(folder, 'elsewhere'), trash())
    expect(code(() => deleteResult(studio(), projectId, id))).toBe('output-unwritable')
    expect(existsSync(path)).toBe(true)
    expect(readdirSync(join(folder, 'elsewhere'))).toEqual([])
    expect(listResults(database, projectId)).toHaveLength(1)
  })

  it('belongs to its project alone', () => {
    const id = record(makeResult(home, 'r'))
    expect(code(() => deleteResult(studio(), projectId + 1, id))).toBe('not-found')
    deleteResult(studio(), projectId, id)
    expect(code(() => restoreResult(studio(), projectId + 1, id))).toBe('not-found')
  })
})

describe('what is not the studio’s own', () => {
  it('is forgotten, never moved, and can be remembered again', () => {
    const path = makeResult(folder, 'mine', 'result')
    const id = record(path)
    expect(deleteResult(studio(), projectId, id)).toEqual({ movedToTrash: false })
    expect(existsSync(join(path, 'model.safetensors'))).toBe(true)
    expect(existsSync(trash())).toBe(false)
    expect(listResults(database, projectId)).toEqual([])
    restoreResult(studio(), projectId, id)
    expect(listResults(database, projectId)).toMatchObject([{ id, path }])
  })

  it('is told from what is', () => {
    const own = makeResult(home, 'projects', 'c', 'results', 'a')
    const outside = makeResult(folder, 'outside')
    const beside = makeResult(`${home}-beside`)
    const bare = join(home, 'bare')
    mkdirSync(bare)
    const linkOut = join(home, 'link-out')
    symlinkSync(outside, linkOut)
    symlinkSync(folder, join(home, 'folder-out'))
    const faked = join(home, 'faked')
    mkdirSync(faked)
    symlinkSync(join(outside, 'squeeze.json'), join(faked, 'squeeze.json'))
    const named = join(home, 'named')
    mkdirSync(named)
    writeFileSync(join(named, 'squeeze.json'), '{"tool": "another"}')
    const file = join(home, 'file')
    writeFileSync(file, '')
    makeResult(home)
    const inTrash = makeResult(trash(), 'result-9-9')
    const cases: Record<string, boolean> = {
      [own]: true,
      [outside]: false,
      [beside]: false,
      [bare]: false,
      [linkOut]: false,
      [join(home, 'folder-out', 'outside')]: false,
      [faked]: false,
      [named]: false,
      [file]: false,
      [home]: false,
      [folder]: false,
      [inTrash]: false,
      [trash()]: false,
      [`${own}/../../results/a`]: false,
      [`${own}/`]: false,
      [`${home}/../outside`]: false,
      [join(home, 'nowhere')]: false,
      '/': false,
      '': false,
      'projects/c/results/a': false,
    }
    for (const [path, expected] of Object.entries(cases))
      expect([path, isOwnResult(home, path)]).toEqual([path, expected])
  })

  it('is told from it where the home is a link itself', () => {
    const own = makeResult(home, 'r')
    const link = join(folder, 'link')
    symlinkSync(home, link)
    expect(isOwnResult(link, join(link, 'r'))).toBe(true)
    expect(isOwnResult(link, own)).toBe(true)
  })
})

describe('emptying the trash', () => {
  it('deletes what has been there for a day, with its record, and nothing that links there point to', async () => {
    const [old, young] = [makeResult(home, 'old'), makeResult(home, 'young')]
    const precious = makeResult(folder, 'precious')
    symlinkSync(precious, join(old, 'link'))
    const [oldId, youngId] = [record(old), record(young)]
    deleteResult(studio(), projectId, oldId, 1000)
    deleteResult(studio(), projectId, youngId, 2000)
    symlinkSync(precious, join(trash(), 'result-77-1'))
    mkdirSync(join(trash(), 'of somebody else'))
    await emptyTrash(studio(), 1000 + KEPT_MS)
    expect(readdirSync(trash()).sort()).toEqual(['of somebody else', `result-${youngId}-2000`])
    expect(readdirSync(precious)).toHaveLength(2)
    expect(listDeletedResults(database)).toMatchObject([{ id: youngId }])
  })

  it('forgets what was only forgotten, and leaves its folder', async () => {
    const path = makeResult(folder, 'mine')
    deleteResult(studio(), projectId, record(path), 1000)
    await emptyTrash(studio(), 1000 + KEPT_MS)
    expect(listDeletedResults(database)).toEqual([])
    expect(readdirSync(path)).toHaveLength(2)
  })

  it('follows no link in the place of the trash', async () => {
    const elsewhere = makeResult(folder, 'elsewhere', 'result-1-1')
    symlinkSync(join(folder, 'elsewhere'), trash())
    await emptyTrash(studio(), 2 + KEPT_MS)
    expect(existsSync(elsewhere)).toBe(true)
    expect(lstatSync(trash()).isSymbolicLink()).toBe(true)
  })
})
