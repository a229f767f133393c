import { z } from 'zod'
import { recipe } from '../sidecar/quantization.ts'
import { durationMs, folderFound, rowId, sizeBytes, timestampMs } from './common.ts'

/** A quantized checkpoint as the project lists it. */
export const resultSummary = z.object({
  id: rowId,
  path: z.string().describe('Folder of the result.'),
  fingerprint: z.string().describe('Fingerprint of the result.'),
  calibrationId: rowId.optional().describe('The calibration used, where the studio knows it.'),
  recipe,
  bitsPerWeight: z
    .number()
    .min(0)
    .describe('Stored bits of the matrices over their weights; embedding and head apart.'),
  sizeBytes: sizeBytes.describe('Bytes of the weight files.'),
  fp16SizeBytes: sizeBytes.optional().describe('Bytes that the checkpoint takes with every parameter at 16 bits.'),
  durationMs: durationMs.optional(),
  createdAtMs: timestampMs,
  found: folderFound,
})
export type ResultSummary = z.infer<typeof resultSummary>
