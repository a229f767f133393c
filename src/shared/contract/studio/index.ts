/**
 * The wire between the renderer and the studio host, over a WebSocket in a browser and over the preload bridge in the
 * window. Every request and event is listed here; what travels is framed by `frame.ts`.
 */
import type { z } from 'zod'
import { calibrationGetParams, calibrationGetResult, calibrationStartParams } from './calibration.ts'
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
import { jobBegun, jobCancelParams, jobCancelResult, jobChanged, jobListParams, jobListResult } from './job.ts'
import { machineGetParams, machineGetResult } from './machine.ts'
import {
  projectChanged,
  projectGetParams,
  projectGetResult,
  projectListParams,
  projectListResult,
  projectOpenParams,
  projectOpenResult,
} from './project.ts'
import { squeezeStartParams } from './squeeze.ts'

export const studioRequests = {
  'project.list': { params: projectListParams, result: projectListResult },
  'project.get': { params: projectGetParams, result: projectGetResult },
  'project.open': { params: projectOpenParams, result: projectOpenResult },
  'calibration.get': { params: calibrationGetParams, result: calibrationGetResult },
  'calibration.start': { params: calibrationStartParams, result: jobBegun },
  'squeeze.start': { params: squeezeStartParams, result: jobBegun },
  'chat.list': { params: chatListParams, result: chatListResult },
  'chat.get': { params: chatGetParams, result: chatGetResult },
  'chat.send': { params: chatSendParams, result: chatSendResult },
  'chat.stop': { params: chatStopParams, result: chatStopResult },
  'chat.remove': { params: chatRemoveParams, result: chatRemoveResult },
  'chat.leave': { params: chatLeaveParams, result: chatLeaveResult },
  'job.list': { params: jobListParams, result: jobListResult },
  'job.cancel': { params: jobCancelParams, result: jobCancelResult },
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

export type { CalibrationSensitivities, CalibrationSummary } from './calibration.ts'
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
export type { CheckpointFacts, RoleSize } from './checkpoint.ts'
export type { EvaluationSummary, Stamp } from './evaluation.ts'
export type { JobSummary } from './job.ts'
export type { Machine } from './machine.ts'
export type { Project, ProjectSummary } from './project.ts'
export type { ResultSummary } from './result.ts'
