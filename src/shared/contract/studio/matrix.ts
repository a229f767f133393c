/** renderer → host: one matrix in sight. What is answered is what the sidecar found; see contract/sidecar/matrix.ts. */
import {
  matrixChannelParams,
  matrixChannelResult,
  matrixOutliersParams,
  matrixOutliersResult,
  matrixTileParams,
  matrixTileResult,
  matrixWeightsParams,
  matrixWeightsResult,
} from '../sidecar/matrix.ts'
import { rowId } from './common.ts'

const byPath = { checkpoint: true, calibration: true } as const
const byNumber = { projectId: rowId, calibrationId: rowId }

/** Each is refused with not-found when the project has no such calibration. */
export const matrixRequests = {
  'matrix.weights': { params: matrixWeightsParams.omit(byPath).extend(byNumber), result: matrixWeightsResult },
  'matrix.channel': { params: matrixChannelParams.omit(byPath).extend(byNumber), result: matrixChannelResult },
  'matrix.outliers': { params: matrixOutliersParams.omit(byPath).extend(byNumber), result: matrixOutliersResult },
  'matrix.tile': { params: matrixTileParams.omit(byPath).extend(byNumber), result: matrixTileResult },
} as const
