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

export const calibrationPlan = (
  checkpoint: string,
  out: string,
  over: Partial<SidecarParams<'calibration.plan'>> = {},
): SidecarParams<'calibration.plan'> => {
  const { tokens: _, ...inputs } = calibration(checkpoint, '', out)
  return { ...inputs, samples: 6, length: 48, ...over }
}

export const evaluation = (model: string, tokens: string, against?: string): SidecarParams<'evaluation.start'> => ({
  model,
  tokens,
  ...(against === undefined ? {} : { against }),
  precision: 'fp32',
  device: 'cpu',
  threads: 0,
})

export const dense = { type: 'f16', sparsity: 0 } as const
export const codebook = (bits: number, sparsity = 0) => ({ type: 'lut', bits, sparsity }) as const

export const synthesis = (
  out: string,
  over: Partial<SidecarParams<'synthesis.start'>> = {},
): SidecarParams<'synthesis.start'> => ({
  shape: { hidden: 64, layers: 2, intermediate: 160, heads: 4, kvHeads: 2, vocabulary: 256, context: 512 },
  weights: codebook(3, 0.0045),
  head: codebook(4),
  seed: 0,
  out,
  threads: 0,
  ...over,
})

export const benchmark = (
  models: string[],
  over: Partial<SidecarParams<'benchmark.start'>> = {},
): SidecarParams<'benchmark.start'> => ({
  models,
  promptTokens: 24,
  generateTokens: 6,
  contexts: [],
  rounds: 3,
  simd: 'auto',
  arithmetic: 'int16',
  device: 'cpu',
  threads: 0,
  ...over,
})

export const kernelBenchmark = (
  over: Partial<SidecarParams<'benchmark.kernels'>> = {},
): SidecarParams<'benchmark.kernels'> => ({
  shapes: [{ rows: 1024, cols: 4096 }],
  layouts: [codebook(8)],
  tokens: [1],
  rounds: 1,
  simd: 'auto',
  arithmetic: 'int16',
  device: 'cpu',
  threads: 0,
  ...over,
})

export const greedy = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 }
