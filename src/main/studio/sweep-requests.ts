import type { Recipe } from '../../shared/contract/sidecar/quantization.ts'
import type { SweepState } from '../../shared/contract/studio/index.ts'
import { listCalibrations, listSweepPoints, type SweepPointRow } from '../db/index.ts'
import type { Context } from './context.ts'
import { storedErrorTable } from './errors.ts'
import { projectRow } from './projects.ts'
import { makeStamp } from './stamp.ts'
import { sweep } from './sweep-job.ts'

/** What is known of the newest calibration: its table, and the points measured in the newest way. */
export function sweepState(context: Context, projectId: number): SweepState {
  const project = projectRow(context, projectId)
  const database = context.database()
  const [calibration] = listCalibrations(database, projectId)
  if (!calibration) return { projectId, points: [] }
  const table = storedErrorTable(context, project.inspection, calibration.id, 'paper')
  const rows = listSweepPoints(database, projectId).filter(
    ({ calibrationFingerprint }) => calibrationFingerprint === calibration.fingerprint,
  )
  const newest = rows.at(-1)
  const stamp = newest && makeStamp(newest)
  const alike = rows.filter((row) => makeStamp(row).key === stamp?.key)
  const referenceNll = newest?.referenceNll ?? undefined
  return {
    projectId,
    calibrationId: calibration.id,
    tokensPerSample: calibration.length - 1,
    ...(table ? { table: { matrices: table.matrices, otherBytes: table.otherBytes } } : {}),
    ...(stamp ? { stamp } : {}),
    ...(referenceNll === undefined ? {} : { referenceNll }),
    points: alike.map(pointOf),
  }
}

const pointOf = ({ id, recipe, point, createdAt }: SweepPointRow) => ({ id, recipe, point, createdAtMs: createdAt })

/** On the newest calibration of the project, or on a new one of the usual size. */
export async function startSweep(context: Context, projectId: number, recipes: Recipe[]): Promise<{ jobId: number }> {
  const { path: checkpoint } = projectRow(context, projectId)
  const [calibration] = listCalibrations(context.database(), projectId)
  const inputs = { calibration: calibration?.path, bits: [], sparsities: [] }
  return { jobId: await context.background.start((run) => sweep(context, { checkpoint, recipes, ...inputs }, run)) }
}
