import { fail } from '../../shared/contract/studio-error.ts'
import { FIRST_CHOICES } from '../../shared/sweep/choices.ts'
import { BASE, outlookOf } from '../../shared/sweep/outlook.ts'
import { sweepReport } from '../../shared/sweep/report.ts'
import type { Context } from './context.ts'
import { project } from './projects.ts'
import { sweepState, sweepTable, type SweepPart } from './sweep-requests.ts'

/** What a project knows of a sweep as one page that stands alone. */
export function sweepReportText(context: Context, projectId: number, part: SweepPart): string {
  const state = sweepState(context, projectId, part)
  const { tableVersion, tokensPerSample, referenceNll, points, stamp, calibrationId } = state
  const about = project(context, projectId)
  const calibration = about.calibrations.find(({ id }) => id === calibrationId)
  if (tableVersion === undefined || tokensPerSample === undefined || !calibration)
    throw fail('not-found', `Nothing was swept yet in project ${projectId}.`, { hint: 'Run squeeze sweep first.' })
  const base = { ...BASE, outliers: part.outliers ?? BASE.outliers }
  const table = sweepTable(context, projectId, tableVersion, part)
  return sweepReport({
    project: about,
    calibration,
    stamp,
    outlook: outlookOf(table, { tokensPerSample, referenceNll, points }, base),
    choices: state.choices ?? FIRST_CHOICES,
    version: context.version,
    madeAtMs: Date.now(),
  })
}
