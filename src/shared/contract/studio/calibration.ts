import { z } from 'zod'
import { estimator } from '../sidecar/calibration.ts'
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
