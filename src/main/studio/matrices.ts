import { fail } from '../../shared/contract/studio-error.ts'
import { listCalibrations } from '../db/index.ts'
import type { Handlers } from './api.ts'
import type { Context } from './context.ts'
import { projectRow } from './projects.ts'

type MatrixRequest = 'matrix.weights' | 'matrix.channel' | 'matrix.outliers' | 'matrix.tile'

/** Looks into one matrix: the page names project and calibration, the sidecar their folders. */
export function matrixHandlers(context: Context): Pick<Handlers, MatrixRequest> {
  const { sidecar } = context
  return {
    'matrix.weights': (asked) => sidecar.call('matrix.weights', withFolders(context, asked)),
    'matrix.channel': (asked) => sidecar.call('matrix.channel', withFolders(context, asked)),
    'matrix.outliers': (asked) => sidecar.call('matrix.outliers', withFolders(context, asked)),
    'matrix.tile': (asked) => sidecar.call('matrix.tile', withFolders(context, asked)),
  }
}

/** Throws not-found. */
function withFolders<P extends { projectId: number; calibrationId: number }>(context: Context, asked: P) {
  const { projectId, calibrationId, ...params } = asked
  const { path: checkpoint } = projectRow(context, projectId)
  const calibration = listCalibrations(context.database(), projectId).find(({ id }) => id === calibrationId)
  if (!calibration) throw fail('not-found', `Project ${projectId} has no calibration ${calibrationId}.`)
  return { ...params, checkpoint, calibration: calibration.path }
}
