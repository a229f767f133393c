import { basename, resolve } from 'node:path'
import type { CheckpointInspectResult } from '../../shared/contract/sidecar/checkpoint.ts'
import { fail } from '../../shared/contract/studio-error.ts'
import {
  projectByFingerprint,
  projectById,
  resultByPath,
  upsertProject,
  type ProjectRow,
  type ResultRow,
} from '../db/index.ts'
import { throwIfAborted } from '../sidecar/index.ts'
import type { Context } from './context.ts'
import { stored, type RunOptions } from './recording.ts'

/** A checkpoint or a result on disk, and where it belongs. */
export type Model = {
  inspection: CheckpointInspectResult
  /** Absent when nothing is recorded, or when a result is of no project that the studio knows. */
  project?: ProjectRow
  /** The record of a result. */
  result?: ResultRow
}

export async function openModel(context: Context, path: string, options: RunOptions): Promise<Model> {
  throwIfAborted(options.signal)
  const inspection = await context.sidecar.call('checkpoint.inspect', { path: resolve(path) })
  if (options.record === false) return { inspection }
  const database = context.database()
  if (inspection.kind === 'dense') {
    const entry = { inspection, name: basename(inspection.path), now: Date.now() }
    return { inspection, project: stored(() => upsertProject(database, entry)) }
  }
  const found = resultByPath(database, inspection.path)
  // Another result may stand where a recorded one stood.
  const result = found?.fingerprint === inspection.fingerprint ? found : undefined
  const base = inspection.baseFingerprint
  const project = result
    ? projectById(database, result.projectId)
    : base === undefined
      ? undefined
      : projectByFingerprint(database, base)
  return { inspection, ...(project ? { project } : {}), ...(result ? { result } : {}) }
}

/** Like openModel, and refuses what is already squeezed. */
export async function openCheckpoint(context: Context, path: string, options: RunOptions): Promise<Model> {
  const model = await openModel(context, path, options)
  if (model.inspection.kind === 'dense') return model
  throw fail('invalid-request', `${model.inspection.path} is a result, and this needs a checkpoint.`, {
    hint: 'Name the checkpoint that it was made from.',
  })
}
