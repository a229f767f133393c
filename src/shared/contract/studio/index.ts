/**
 * The wire between the renderer and the studio host, over a WebSocket in a browser and over the preload bridge in the
 * window. Every request and event is listed here; what travels is framed by `frame.ts`.
 */
import type { z } from 'zod'
import { benchmarkListParams, benchmarkListResult, benchmarkStartRequest } from './benchmark.ts'
import {
  calibrationChoicesParams,
  calibrationChoicesResult,
  calibrationForecast,
  calibrationGetParams,
  calibrationGetResult,
  calibrationPlanParams,
  calibrationStartParams,
} from './calibration.ts'
import { checkpointGetParams, checkpointGetResult } from './checkpoint.ts'
import { folderListParams, folderListResult } from './folder.ts'
import {
  jobBegun,
  jobCancelParams,
  jobCancelResult,
  jobChanged,
  jobListParams,
  jobListResult,
  jobLogParams,
  jobLogResult,
  jobRetryParams,
} from './job.ts'
import {
  chatAdvanced,
  chatGetParams,
  chatGetResult,
  chatLeaveParams,
  chatLeaveResult,
  chatListParams,
  chatListResult,
  chatProduced,
  chatRemoveParams,
  chatRemoveResult,
  chatSendParams,
  chatSendResult,
  chatStopParams,
  chatStopResult,
} from './chat.ts'
import { machineGetParams, machineGetResult } from './machine.ts'
import { matrixRequests } from './matrix.ts'
import {
  projectChanged,
  projectGetParams,
  projectGetResult,
  projectListParams,
  projectListResult,
  projectOpenParams,
  projectOpenResult,
  sampleOpenParams,
} from './project.ts'
import {
  evaluationStartParams,
  exportStartParams,
  resultDeleteParams,
  resultDeleteResult,
  resultGetParams,
  resultGetResult,
  resultRestoreParams,
  resultRestoreResult,
} from './result.ts'
import { settingsGetParams, settingsGetResult, settingsSetParams, settingsSetResult } from './settings.ts'
import { squeezeStartParams } from './squeeze.ts'
import {
  sweepChooseParams,
  sweepChooseResult,
  sweepGetParams,
  sweepGetResult,
  sweepStartParams,
  sweepTableParams,
  sweepTableResult,
} from './sweep.ts'

export const studioRequests = {
  'project.list': { params: projectListParams, result: projectListResult },
  'project.get': { params: projectGetParams, result: projectGetResult },
  'project.open': { params: projectOpenParams, result: projectOpenResult },
  'sample.open': { params: sampleOpenParams, result: projectOpenResult },
  'folder.list': { params: folderListParams, result: folderListResult },
  'checkpoint.get': { params: checkpointGetParams, result: checkpointGetResult },
  'calibration.get': { params: calibrationGetParams, result: calibrationGetResult },
  'calibration.choices': { params: calibrationChoicesParams, result: calibrationChoicesResult },
  'calibration.plan': { params: calibrationPlanParams, result: calibrationForecast },
  'calibration.start': { params: calibrationStartParams, result: jobBegun },
  ...matrixRequests,
  'result.get': { params: resultGetParams, result: resultGetResult },
  'result.delete': { params: resultDeleteParams, result: resultDeleteResult },
  'result.restore': { params: resultRestoreParams, result: resultRestoreResult },
  'evaluation.start': { params: evaluationStartParams, result: jobBegun },
  'export.start': { params: exportStartParams, result: jobBegun },
  'benchmark.list': { params: benchmarkListParams, result: benchmarkListResult },
  'benchmark.start': { params: benchmarkStartRequest, result: jobBegun },
  'squeeze.start': { params: squeezeStartParams, result: jobBegun },
  'sweep.get': { params: sweepGetParams, result: sweepGetResult },
  'sweep.table': { params: sweepTableParams, result: sweepTableResult },
  'sweep.choose': { params: sweepChooseParams, result: sweepChooseResult },
  'sweep.start': { params: sweepStartParams, result: jobBegun },
  'chat.list': { params: chatListParams, result: chatListResult },
  'chat.get': { params: chatGetParams, result: chatGetResult },
  'chat.send': { params: chatSendParams, result: chatSendResult },
  'chat.stop': { params: chatStopParams, result: chatStopResult },
  'chat.remove': { params: chatRemoveParams, result: chatRemoveResult },
  'chat.leave': { params: chatLeaveParams, result: chatLeaveResult },
  'job.list': { params: jobListParams, result: jobListResult },
  'job.cancel': { params: jobCancelParams, result: jobCancelResult },
  'settings.get': { params: settingsGetParams, result: settingsGetResult },
  'settings.set': { params: settingsSetParams, result: settingsSetResult },
  'job.retry': { params: jobRetryParams, result: jobBegun },
  'job.log': { params: jobLogParams, result: jobLogResult },
  'machine.get': { params: machineGetParams, result: machineGetResult },
} as const

export const studioEvents = {
  'project.changed': projectChanged,
  'job.changed': jobChanged,
  'chat.produced': chatProduced,
  'chat.advanced': chatAdvanced,
} as const

export type StudioRequest = keyof typeof studioRequests
export type StudioParams<M extends StudioRequest> = z.infer<(typeof studioRequests)[M]['params']>
export type StudioResult<M extends StudioRequest> = z.infer<(typeof studioRequests)[M]['result']>
export type StudioEvent = keyof typeof studioEvents
export type StudioEventPayload<E extends StudioEvent> = z.infer<(typeof studioEvents)[E]>
/** One event with its payload, told apart by its name. */
export type StudioNotice = { [E in StudioEvent]: { event: E; payload: StudioEventPayload<E> } }[StudioEvent]

export type { BenchmarkSummary } from './benchmark.ts'
export type {
  CalibrationChoice,
  CalibrationChoices,
  CalibrationForecast,
  CalibrationSensitivities,
  CalibrationSummary,
} from './calibration.ts'
export type { CheckpointFacts, CheckpointMatrices, RoleSize } from './checkpoint.ts'
export type {
  Chat,
  ChatAdvanced,
  ChatAnswer,
  ChatAnswerState,
  ChatDivergence,
  ChatForm,
  ChatList,
  ChatModel,
  ChatProduced,
  ChatSendParams,
  ChatSettings,
  ChatSummary,
  ChatTurn,
} from './chat.ts'
export type { EvaluationSummary, Stamp } from './evaluation.ts'
export type { FolderEntry, FolderListing } from './folder.ts'
export type { JobSummary, LogLine } from './job.ts'
export type { Machine } from './machine.ts'
export type {
  ChannelCodebook,
  MatrixChannel,
  MatrixEntry,
  MatrixOutliers,
  MatrixTile,
  MatrixWeights,
  WidthCost,
} from '../sidecar/matrix.ts'
export type { MeasuredPoint, SweepChoices, SweepState, SweepTable } from './sweep.ts'
export type {
  DeletedResult,
  ExportSummary,
  ResultDetails,
  ResultMatrix,
  ResultSummary,
  SpeedSummary,
} from './result.ts'
export type { Settings, SettingsInSight } from './settings.ts'
export type { Project, ListedProjects, ProjectSummary } from './project.ts'
