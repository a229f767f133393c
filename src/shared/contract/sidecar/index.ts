/**
 * The wire between the studio host and the sidecar: JSON-RPC 2.0 with Content-Length frames on stdio.
 * Every request and notification is listed here; `npm run gen` makes the JSON Schema and the C++ structs from it.
 */
import type { z } from 'zod'
import { benchmarkKernelsParams, benchmarkStartParams } from './benchmark.ts'
import { calibrationPlanParams, calibrationPlanResult, calibrationStartParams } from './calibration.ts'
import { checkpointInspectParams, checkpointInspectResult } from './checkpoint.ts'
import { jobStarted } from './common.ts'
import { evaluationStartParams } from './evaluation.ts'
import { exportStartParams } from './export.ts'
import {
  divergenceStartParams,
  generationProduced,
  generationStartParams,
  modelLoadParams,
  modelLoadResult,
  modelUnloadParams,
  modelUnloadResult,
} from './generation.ts'
import { helloParams, helloResult } from './hello.ts'
import { jobCancelParams, jobCancelResult, jobEnded, jobProgressed } from './job.ts'
import {
  matrixChannelParams,
  matrixChannelResult,
  matrixOutliersParams,
  matrixOutliersResult,
  matrixTileParams,
  matrixTileResult,
  matrixWeightsParams,
  matrixWeightsResult,
} from './matrix.ts'
import { quantizationStartParams } from './quantization.ts'
import { errorsMeasured, errorsStartParams, sweepMeasured, sweepStartParams } from './sweep.ts'
import { synthesisStartParams } from './synthesis.ts'

export const sidecarRequests = {
  'sidecar.hello': { params: helloParams, result: helloResult },
  'checkpoint.inspect': { params: checkpointInspectParams, result: checkpointInspectResult },
  'calibration.plan': { params: calibrationPlanParams, result: calibrationPlanResult },
  'matrix.weights': { params: matrixWeightsParams, result: matrixWeightsResult },
  'matrix.channel': { params: matrixChannelParams, result: matrixChannelResult },
  'matrix.outliers': { params: matrixOutliersParams, result: matrixOutliersResult },
  'matrix.tile': { params: matrixTileParams, result: matrixTileResult },
  'calibration.start': { params: calibrationStartParams, result: jobStarted },
  'quantization.start': { params: quantizationStartParams, result: jobStarted },
  'evaluation.start': { params: evaluationStartParams, result: jobStarted },
  'errors.start': { params: errorsStartParams, result: jobStarted },
  'sweep.start': { params: sweepStartParams, result: jobStarted },
  'export.start': { params: exportStartParams, result: jobStarted },
  'model.load': { params: modelLoadParams, result: modelLoadResult },
  'model.unload': { params: modelUnloadParams, result: modelUnloadResult },
  'generation.start': { params: generationStartParams, result: jobStarted },
  'divergence.start': { params: divergenceStartParams, result: jobStarted },
  'synthesis.start': { params: synthesisStartParams, result: jobStarted },
  'benchmark.start': { params: benchmarkStartParams, result: jobStarted },
  'benchmark.kernels': { params: benchmarkKernelsParams, result: jobStarted },
  'job.cancel': { params: jobCancelParams, result: jobCancelResult },
} as const

export const sidecarEvents = {
  'job.progressed': jobProgressed,
  'job.ended': jobEnded,
  'generation.produced': generationProduced,
  'errors.measured': errorsMeasured,
  'sweep.measured': sweepMeasured,
} as const

export type SidecarRequest = keyof typeof sidecarRequests
export type SidecarParams<M extends SidecarRequest> = z.infer<(typeof sidecarRequests)[M]['params']>
export type SidecarResult<M extends SidecarRequest> = z.infer<(typeof sidecarRequests)[M]['result']>
export type SidecarEvent = keyof typeof sidecarEvents
export type SidecarEventPayload<E extends SidecarEvent> = z.infer<(typeof sidecarEvents)[E]>

export { PROTOCOL_VERSION } from './common.ts'
