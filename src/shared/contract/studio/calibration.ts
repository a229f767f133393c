import { z } from 'zod'
import { calibrationPlanResult, estimator, matrixSensitivity } from '../sidecar/calibration.ts'
import { device, precision } from '../sidecar/common.ts'
import { durationMs, folderFound, rowId, sizeBytes, timestampMs } from './common.ts'

/** A calibration as the project lists it. */
export const calibrationSummary = z.object({
  id: rowId,
  path: z.string().describe('Folder with calibration.json, fisher.safetensors and tokens.safetensors.'),
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

const text = z
  .string()
  .min(1)
  .max(4096)
  .optional()
  .describe('Absolute path of a text file, a .jsonl, or a folder of them; absent: the bundled sample.')

const calibrationChoice = z.object({
  text,
  samples: z.int().min(1).max(100_000).describe('Sequences to read.'),
  length: z.int().min(2).max(1_048_576).describe('Tokens in each sequence.'),
  estimator,
  device: z
    .union([device, z.literal('auto')])
    .optional()
    .describe('Absent: the one of the settings.'),
})
export type CalibrationChoice = z.infer<typeof calibrationChoice>

/** renderer → host. Answers with jobBegun. */
export const calibrationStartParams = calibrationChoice.extend({ projectId: rowId })

/** renderer → host: what there is to choose from, and what was chosen last. */
export const calibrationChoicesParams = z.object({ projectId: rowId })
export const calibrationChoicesResult = z.object({
  last: calibrationChoice
    .omit({ device: true })
    .partial()
    .describe('Of the last calibration of the project that was asked for by itself.'),
  wikiText: z.string().optional().describe('Training part of WikiText-2 raw, where it was found.'),
})
export type CalibrationChoices = z.infer<typeof calibrationChoicesResult>

/** renderer → host: what such a calibration would need. Refused with text-too-short where there is no sample in it. */
export const calibrationPlanParams = calibrationStartParams
export const calibrationForecast = z.object({
  plan: calibrationPlanResult,
  device: z.string().describe('Where it would compute: "cpu" or "cuda:<index>".'),
  memoryLimitBytes: sizeBytes.describe('Memory that it may take by the settings or --memory; 0: not limited.'),
  samples: z.int().min(1).describe('Sequences that would be read: no more than the text holds.'),
  length: z.int().min(2).describe('Tokens in each sequence.'),
  text: z
    .object({
      name: z.string().describe('Name of the file or folder.'),
      path: z.string().describe('Where it is.'),
      tokens: z.int().min(0).describe('Tokens in the text, by the tokenizer of the checkpoint.'),
      exact: z.boolean().describe('False: of a long text, reckoned from its first part.'),
      samples: z.int().min(0).describe('Whole samples of this length in it.'),
    })
    .describe('The text that would be read.'),
})
export type CalibrationForecast = z.infer<typeof calibrationForecast>
