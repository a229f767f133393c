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
    'Memory that the job may take. Activations that find no room in it go to a scratch file, and a limit below what everything else needs is refused. 0: activations may take half of the free memory.',
  ),
})

const { tokens: _, ...inputs } = calibrationStartParams.shape

/** host → sidecar: what such a calibration would need. Answered at once: nothing of the weights is read. */
export const calibrationPlanParams = z.object({
  ...inputs,
  samples: z.int().min(1).max(1_000_000).describe('Sequences to read.'),
  length: z.int().min(2).max(1_048_576).describe('Tokens in each sequence.'),
})

export const planProblem = z.object({
  kind: z.enum(['memory', 'limit', 'disk', 'gpu-memory']).describe('What there is too little of.'),
  blocks: z.boolean().describe('True: it cannot end well. False: it may, slowly, or once something else has ended.'),
  message: z.string().describe('One sentence for a person, with both figures.'),
  hint: z.string().describe('What to change.'),
})
export type PlanProblem = z.infer<typeof planProblem>

export const calibrationPlanResult = z.object({
  memoryBytes: sizeBytes.describe('What the job takes of the memory at its peak.'),
  activationBytes: sizeBytes.describe('Kept activations of all samples: in memory, or in a scratch file.'),
  activationsOnDisk: z.boolean().describe('True when they find no room in the memory that they may take.'),
  mappedBytes: sizeBytes.describe(
    'Pages of files on top of that at the peak, which the system takes back where memory is short.',
  ),
  freeMemoryBytes: sizeBytes.describe('Memory of the machine that was free when asked; 0 when unknown.'),
  gpuMemoryBytes: sizeBytes.optional().describe('What the job takes of the memory of the GPU, where one computes.'),
  diskBytes: sizeBytes.describe('Most that is on the disk at once: journal, scratch file, and the result.'),
  resultBytes: sizeBytes.describe('Of the finished calibration.'),
  freeDiskBytes: sizeBytes.describe('Free where it would be made.'),
  durationMs: durationMs
    .optional()
    .describe('Predicted from the speed of this machine, measured when asked; absent for a GPU.'),
  problems: z.array(planProblem).describe('Why it does not fit; empty when it does.'),
})
export type CalibrationPlan = z.infer<typeof calibrationPlanResult>

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
  out: z.string().describe('Folder with calibration.json, fisher.safetensors and tokens.safetensors.'),
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
