import { z } from 'zod'
import { device, durationMs, precision, sizeBytes, threads } from './common.ts'

export const estimator = z
  .enum(['sample', 'token'])
  .describe(
    'sample: squares of a sequence gradient (SqueezeLLM); token: sum over tokens of squared per-token gradients.',
  )

/** host → sidecar, starts a job. */
export const calibrationStartParams = z.object({
  checkpoint: z.string().describe('Folder of a dense checkpoint.'),
  tokens: z.string().describe('safetensors file with "tokens", int32 [samples, length].'),
  estimator,
  precision,
  out: z.string().describe('Folder to make; an unfinished one of the same inputs beside it is taken up again.'),
  device,
  threads,
  memoryLimitBytes: sizeBytes.describe(
    'Activations beyond this go to a scratch file; 0 means half of the free memory.',
  ),
})

export const matrixSensitivity = z.object({
  name: z.string().describe('Tensor name of the matrix.'),
  layer: z.int().min(0).describe('Zero-based decoder layer.'),
  role: z.string().describe('Place in the layer: q, k, v, o, gate, up, down, fc1, fc2.'),
  rows: z.int().min(1).describe('N, output channels.'),
  cols: z.int().min(1).describe('K, in-features.'),
  sum: z.number().min(0).describe('Sum of F over the matrix, squared loss units per squared weight unit.'),
  max: z.number().min(0).describe('Largest F in the matrix.'),
  weighted: z
    .number()
    .min(0)
    .describe('Sum of F·w² over the matrix: what zeroing it would cost, to second order, times two.'),
})
export type MatrixSensitivity = z.infer<typeof matrixSensitivity>

export const calibrationResult = z.object({
  kind: z.literal('calibration'),
  out: z.string().describe('Folder with calibration.json and fisher.safetensors.'),
  fingerprint: z.string().describe('Names this calibration: checkpoint, tokens, estimator, precision.'),
  checkpointFingerprint: z.string().describe('Fingerprint of the checkpoint it was made for.'),
  estimator,
  precision,
  samples: z.int().min(1).describe('Sequences read.'),
  length: z.int().min(2).describe('Tokens in each sequence.'),
  loss: z.number().describe('Mean negative log-likelihood per predicted token, nats.'),
  matrices: z.array(matrixSensitivity).describe('One entry for each matrix, in the order of the checkpoint.'),
  sizeBytes: sizeBytes.describe('Bytes of the folder.'),
  peakMemoryBytes: sizeBytes.describe('Peak resident memory of the sidecar.'),
  durationMs,
})
export type CalibrationResult = z.infer<typeof calibrationResult>
