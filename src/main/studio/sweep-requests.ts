import type { Recipe } from '../../shared/contract/sidecar/quantization.ts'
import {
  sweepChoices as choicesSchema,
  type SweepChoices,
  type SweepState,
  type SweepTable,
} from '../../shared/contract/studio/sweep.ts'
import { fail } from '../../shared/contract/studio-error.ts'
import { BASE } from '../../shared/sweep/outlook.ts'
import {
  listCalibrations,
  listSweepPoints,
  savedSweepChoices,
  saveSweepChoices,
  type CalibrationRow,
  type SweepPointRow,
} from '../db/index.ts'
import { readText } from '../text/index.ts'
import type { Context } from './context.ts'
import { errorTableVersion, storedErrorTable } from './errors.ts'
import { projectRow } from './projects.ts'
import { stored } from './recording.ts'
import { makeStamp } from './stamp.ts'
import { sweep } from './sweep-job.ts'

/** What of a project's sweeps is meant; the newest where nothing is said. */
export type SweepPart = {
  /** Folder of the calibration. */
  calibration?: string | undefined
  outliers?: Recipe['outliers'] | undefined
  /** Key of the stamp that the points have. */
  stampKey?: string | undefined
}

/** What is known of one calibration, by default the newest: whether there is a table, and the points of one stamp. */
export function sweepState(context: Context, projectId: number, part: SweepPart = {}): SweepState {
  const { inspection } = projectRow(context, projectId)
  const database = context.database()
  const calibration = calibrationOf(context, projectId, part)
  const choices = choicesSchema.safeParse(savedSweepChoices(database, projectId)).data
  const chosen = choices ? { choices } : {}
  if (!calibration) return { projectId, points: [], ...chosen }
  const tableVersion = errorTableVersion(context, inspection, calibration, part.outliers ?? BASE.outliers)
  const rows = listSweepPoints(database, projectId).filter(
    ({ calibrationFingerprint }) => calibrationFingerprint === calibration.fingerprint,
  )
  const asked = rows.findLast((row) => part.stampKey === undefined || makeStamp(row).key === part.stampKey)
  const stamp = asked && makeStamp(asked)
  const referenceNll = asked?.referenceNll ?? undefined
  return {
    projectId,
    calibrationId: calibration.id,
    tokensPerSample: calibration.length - 1,
    ...(tableVersion === undefined ? {} : { tableVersion }),
    ...(stamp ? { stamp } : {}),
    ...(referenceNll === undefined ? {} : { referenceNll }),
    points: rows.filter((row) => makeStamp(row).key === stamp?.key).map(pointOf),
    ...chosen,
  }
}

const pointOf = ({ id, recipe, point, createdAt }: SweepPointRow) => ({ id, recipe, point, createdAtMs: createdAt })

function calibrationOf(context: Context, projectId: number, { calibration }: SweepPart): CalibrationRow | undefined {
  const all = listCalibrations(context.database(), projectId)
  return calibration === undefined ? all[0] : all.find(({ path }) => path === calibration)
}

/** The table that a state names. Throws not-found where it is another one by now. */
export function sweepTable(context: Context, projectId: number, version: string, part: SweepPart = {}): SweepTable {
  const { inspection } = projectRow(context, projectId)
  const outliers = part.outliers ?? BASE.outliers
  const calibration = calibrationOf(context, projectId, part)
  const present = calibration && errorTableVersion(context, inspection, calibration, outliers)
  const table =
    calibration && present === version ? storedErrorTable(context, inspection, calibration.id, outliers) : undefined
  if (!table) throw fail('not-found', `Project ${projectId} has no such table of errors any more.`, { retryable: true })
  return { version, matrices: table.matrices, otherBytes: table.otherBytes }
}

export function keepSweepChoices(context: Context, projectId: number, choices: SweepChoices): void {
  projectRow(context, projectId)
  stored(() => saveSweepChoices(context.database(), projectId, choices))
}

/** On the newest calibration of the project, or on a new one of the usual size; as what stands there was measured. */
export async function startSweep(context: Context, projectId: number, recipes: Recipe[]): Promise<{ jobId: number }> {
  const { path: checkpoint } = projectRow(context, projectId)
  const [calibration] = listCalibrations(context.database(), projectId)
  const windows = calibration && (await windowsBefore(context, projectId, calibration))
  const inputs = { calibration: calibration?.path, bits: [], sparsities: [], ...windows }
  return { jobId: await context.background.start((run) => sweep(context, { checkpoint, recipes, ...inputs }, run)) }
}

/** Of the newest points on the bundled text: new ones that were measured otherwise could not stand beside them. */
async function windowsBefore(context: Context, projectId: number, { fingerprint }: CalibrationRow) {
  const { sha256 } = await readText(context.sample.take().heldoutText)
  const last = listSweepPoints(context.database(), projectId).findLast(
    (row) => row.calibrationFingerprint === fingerprint && row.textHash === sha256,
  )
  return last && { window: last.windowLength, limitWindows: last.limitWindows ?? undefined }
}
