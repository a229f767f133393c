import { z } from 'zod'
import { spread } from '../sidecar/benchmark.ts'
import { exportFormat } from '../sidecar/export.ts'
import { matrixOutcome, recipe, refinement } from '../sidecar/quantization.ts'
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

/** A result that was deleted and can still be brought back. */
export const deletedResult = z.object({
  id: rowId,
  recipe,
  sizeBytes: resultSummary.shape.sizeBytes,
  deletedAtMs: timestampMs,
  keptUntilMs: timestampMs
    .optional()
    .describe("When its folder may be gone for good; absent where that is not the studio's."),
})
export type DeletedResult = z.infer<typeof deletedResult>

const ofResult = z.object({ projectId: rowId, resultId: rowId })

/** What one matrix got, beside what it takes in the checkpoint. */
export const resultMatrix = matrixOutcome.extend({
  rows: z.int().min(1).describe('N, output channels.'),
  cols: z.int().min(1).describe('K, in-features.'),
  sizeBytes: sizeBytes.describe('Bytes stored of the matrix: all of its bits, rounded to bytes.'),
  checkpointSizeBytes: sizeBytes.describe('Bytes of the matrix in the checkpoint.'),
})
export type ResultMatrix = z.infer<typeof resultMatrix>

/** Generation speed of the checkpoint or of a result with one filling of the cache. */
export const speedSummary = z.object({
  resultId: rowId.optional().describe('The result that was measured; absent when it was the checkpoint.'),
  key: z.string().describe('Equal for two speeds exactly when they may stand side by side.'),
  conditions: z.string().describe('What the key stands for, in words a person reads.'),
  tokensPerSecond: spread.describe('Tokens after the first, per second.'),
  createdAtMs: timestampMs,
})
export type SpeedSummary = z.infer<typeof speedSummary>

/** A folder that a result was written to in a form that other programs read. */
export const exportSummary = z.object({
  path: z.string().describe('Folder that was made.'),
  format: exportFormat,
  createdAtMs: timestampMs,
  found: folderFound,
})
export type ExportSummary = z.infer<typeof exportSummary>

/** renderer → host: what the list of results leaves out. Refused with not-found when the project has no such result. */
export const resultGetParams = ofResult
export const resultGetResult = z.object({
  resultId: rowId,
  matrices: z.array(resultMatrix).describe('In the order of the checkpoint.'),
  speeds: z.array(speedSummary).describe('Of this result and of the checkpoint, newest first.'),
  exports: z.array(exportSummary).describe('Newest first.'),
  refinement: refinement.optional().describe('Where it was refined: what its manifest says of that.'),
  exportFolder: z.string().describe('Where an export would lie if nobody says otherwise; the format is put behind it.'),
  ownFolder: z.boolean().describe("True when the folder is the studio's own, so that deleting the result moves it."),
})
export type ResultDetails = z.infer<typeof resultGetResult>

/**
 * renderer → host: hides a result. A folder of the studio's own goes into its trash, from where result.restore brings it
 * back for a day; any other stays where it is. Refused with busy while a job works with it.
 */
export const resultDeleteParams = ofResult
export const resultDeleteResult = z.object({
  movedToTrash: z.boolean().describe("False when the folder is not the studio's and was left alone."),
})

/** renderer → host. Refused with output-exists when something else stands in its place by now. */
export const resultRestoreParams = ofResult
export const resultRestoreResult = z.object({})

/** An absolute path, as a person types it. */
const absolutePath = z
  .string()
  .max(4096)
  .regex(/^(?:\/|[A-Za-z]:[\\/])/, 'a path from the root is needed, such as /home/me/models')

/**
 * renderer → host: measures the perplexity of a result and, where the checkpoint is still there, how far it moved from
 * it. Answers with jobBegun.
 */
export const evaluationStartParams = ofResult.extend({
  text: absolutePath.optional().describe('File or folder of text; the bundled held-out text when absent.'),
  window: z.int().min(2).max(1_048_576).optional().describe('Tokens in a window; 2048 or the context when absent.'),
  limitWindows: z.int().min(1).max(1_000_000_000).optional().describe('Read no more than this many windows.'),
})

/** renderer → host: writes a result in a form that other programs read. Answers with jobBegun. */
export const exportStartParams = ofResult.extend({
  format: exportFormat,
  out: absolutePath.describe('Folder to make.'),
})
