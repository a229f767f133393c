import type { Recipe } from '../../shared/contract/sidecar/quantization.ts'
import type { CheckpointInspectResult } from '../../shared/contract/sidecar/checkpoint.ts'
import type { MatrixErrors } from '../../shared/contract/sidecar/sweep.ts'
import { fail } from '../../shared/contract/studio-error.ts'
import { makeErrorTable, type ErrorTable } from '../../shared/sweep/error-table.ts'
import {
  calibrationByPath,
  insertMatrixErrors,
  listMatrixErrors,
  listTabulated,
  type CalibrationRow,
  type ErrorTableKey,
} from '../db/index.ts'
import type { Context } from './context.ts'
import { resolveMachinery } from './device.ts'
import type { Model } from './model.ts'
import { runAsJob, stored, type RunOptions } from './recording.ts'

/** Widths and sparsities of the table. One dynamic program gives all widths of a row. */
export const GRID = {
  bits: [2, 3, 4, 5, 6, 7, 8],
  sparsities: [0, 0.0002, 0.0005, 0.001, 0.002, 0.0045, 0.01, 0.02, 0.05],
}

export type Grid = typeof GRID

/** Weights of all matrices up to which every row is clustered; the loss-aware rule clusters many times over. */
const EXACT_UP_TO = { paper: 2e6, 'loss-aware': 1e6 }
/** Rows that the errors of a larger model's matrices are estimated from: within 1 % of them all. */
const ROWS = 64

function rowsOf({ matrices }: CheckpointInspectResult, outliers: Recipe['outliers']): number | undefined {
  const weights = matrices.reduce((sum, { rows, cols }) => sum + rows * cols, 0)
  return weights > EXACT_UP_TO[outliers] ? ROWS : undefined
}

/** Which rows of the database make up a table. */
export function tableKey(
  calibrationId: number,
  inspection: CheckpointInspectResult,
  outliers: Recipe['outliers'],
  { bits, sparsities }: Grid,
): ErrorTableKey & { rows: number | undefined } {
  const rows = rowsOf(inspection, outliers)
  const grid = `${bits.join(',')} × ${sparsities.join(',')}${rows === undefined ? '' : ` of ${rows} rows`}`
  return { calibrationId, outliers, grid, rows }
}

/**
 * The table of a calibration: from the project as far as it is there, the rest tabulated now, matrix by matrix, so
 * that a run that was interrupted goes on where it stood.
 */
export async function errorTable(
  context: Context,
  model: Model,
  calibrationPath: string,
  outliers: Recipe['outliers'],
  options: RunOptions,
  grid: Grid = GRID,
): Promise<ErrorTable> {
  const calibration = recordedCalibration(context, calibrationPath)
  const { rows, ...key } = tableKey(calibration.id, model.inspection, outliers, grid)
  const database = context.database()
  const names = model.inspection.matrices.map(({ name }) => name)
  const known = new Map(listMatrixErrors(database, key).map((errors) => [errors.name, errors]))
  if (names.some((name) => !known.has(name))) {
    const machinery = await resolveMachinery(context, 'errors.start', options)
    const asked = { ...grid, outliers, ...(rows === undefined ? {} : { rows }) }
    const params = { checkpoint: model.inspection.path, calibration: calibration.path, ...asked, ...machinery }
    const job = { kind: 'errors' as const, projectId: model.project?.id, params }
    await runAsJob(context, job, options, (onProgress) =>
      context.sidecar.runJob(
        'errors.start',
        { ...params, skip: [...known.keys()] },
        {
          onProgress,
          signal: options.signal,
          onErrors(errors) {
            stored(() => insertMatrixErrors(database, key, errors))
            known.set(errors.name, errors)
          },
        },
      ),
    )
  }
  return makeErrorTable(inOrder(names, known), outsideBytes(model.inspection))
}

/** The table where the project has it whole; nothing is run. */
export function storedErrorTable(
  context: Context,
  inspection: CheckpointInspectResult,
  calibrationId: number,
  outliers: Recipe['outliers'],
): ErrorTable | undefined {
  const { rows: _, ...key } = tableKey(calibrationId, inspection, outliers, GRID)
  const known = new Map(listMatrixErrors(context.database(), key).map((errors) => [errors.name, errors]))
  const names = inspection.matrices.map(({ name }) => name)
  if (!names.every((name) => known.has(name))) return undefined
  return makeErrorTable(inOrder(names, known), outsideBytes(inspection))
}

/** Another name for every other table; undefined until the project has it whole. */
export function errorTableVersion(
  context: Context,
  inspection: CheckpointInspectResult,
  calibration: Pick<CalibrationRow, 'id' | 'fingerprint'>,
  outliers: Recipe['outliers'],
): string | undefined {
  const { rows: _, ...key } = tableKey(calibration.id, inspection, outliers, GRID)
  const known = new Set(listTabulated(context.database(), key))
  if (!inspection.matrices.every(({ name }) => known.has(name))) return undefined
  return [inspection.fingerprint, calibration.fingerprint, outliers, key.grid].join(' ')
}

/** Bytes of what is no matrix inside the layers. */
const outsideBytes = ({ embeddingBytes, otherBytes }: CheckpointInspectResult) => embeddingBytes + otherBytes

function inOrder(names: readonly string[], known: ReadonlyMap<string, MatrixErrors>): MatrixErrors[] {
  return names.map((name) => {
    const errors = known.get(name)
    if (!errors) throw fail('internal', `The errors of ${name} were not tabulated.`, { tensor: name })
    return errors
  })
}

/** Its record; errors and predictions stand on what the project knows of it. */
export function recordedCalibration(context: Context, path: string): CalibrationRow {
  const row = calibrationByPath(context.database(), path)
  if (row) return row
  throw fail('not-found', `${path} is no calibration of a project of the studio.`, {
    hint: 'Calibrate the checkpoint in the studio first.',
  })
}
