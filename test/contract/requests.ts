/** Params of jobs, with what a test does not care about filled in. */
import type { SidecarParams } from '../../src/shared/contract/sidecar/index.ts'
import type { Recipe } from '../../src/shared/contract/sidecar/quantization.ts'

export const recipe = (over: Partial<Recipe> = {}): Recipe => ({
  method: 'squeezellm',
  bits: 3,
  sparsity: 0,
  outliers: 'paper',
  solver: 'exact',
  weighting: 'none',
  ...over,
})

export const quantization = (
  checkpoint: string,
  out: string,
  over: Partial<SidecarParams<'quantization.start'>> = {},
): SidecarParams<'quantization.start'> => ({ checkpoint, out, recipe: recipe(), device: 'cpu', threads: 0, ...over })

export const calibration = (checkpoint: string, tokens: string, out: string): SidecarParams<'calibration.start'> => ({
  checkpoint,
  tokens,
  out,
  estimator: 'sample',
  precision: 'fp32',
  device: 'cpu',
  threads: 0,
  memoryLimitBytes: 0,
})

export const evaluation = (model: string, tokens: string, against?: string): SidecarParams<'evaluation.start'> => ({
  model,
  tokens,
  ...(against === undefined ? {} : { against }),
  precision: 'fp32',
  device: 'cpu',
  threads: 0,
})

export const greedy = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 }
