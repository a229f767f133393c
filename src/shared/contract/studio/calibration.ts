import { z } from 'zod'
import { estimator, matrixSensitivity } from '../sidecar/calibration.ts'
import { precision } from '../sidecar/common.ts'
import { durationMs, folderFound, rowId, sizeBytes, timestampMs } from './common.ts'

/** A calibration as the project lists it. */
export const calibrationSummary = z.object({
  id: rowId,
  path: z.string().describe('Folder with calibration.json and fisher.safetensors.'),
  fingerprint: z.string().describe('Names this calibration: checkpoint, tokens, estimator, precision.'),
  textName: z.string().optional().describe('Name of the text that was read.'),
  estimator,
  precision,
  samples: z.int().min(1).describe('Sequences read.'),
  length: z.int().min(2).describe('Tokens in each sequence.'),
  loss: z.number().describe('Mean negative log-likelihood per predicted token, nats.'),
  sizeBytes: sizeBytes.optional().describe('Bytes of the folder.'),
  durationMs: durationMs.optional(),
  createdAtMs: timestampMs,
  found: folderFound,
})
export type CalibrationSummary = z.infer<typeof calibrationSummary>

/** renderer → host. Refused with not-found when the project has no such calibration. */
export const calibrationGetParams = z.object({ projectId: rowId, calibrationId: rowId })
export const calibrationGetResult = z.object({
  calibrationId: rowId,
  matrices: z.array(matrixSensitivity).describe('In the order of the checkpoint.'),
})
export type CalibrationSensitivities = z.infer<typeof calibrationGetResult>

/** renderer → host: calibrates on the bundled text. Answers with jobBegun. */
export const calibrationStartParams = z.object({
  projectId: rowId,
  samples: z.int().min(1).max(100_000).describe('Sequences to read.'),
  length: z.int().min(2).max(1_048_576).describe('Tokens in each sequence.'),
})
