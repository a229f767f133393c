import { resolve } from 'node:path'
import { z } from 'zod'
import { arithmetic, simd } from '../../shared/contract/sidecar/benchmark.ts'
import { estimator } from '../../shared/contract/sidecar/calibration.ts'
import { device, precision, threads } from '../../shared/contract/sidecar/common.ts'
import { exportFormat } from '../../shared/contract/sidecar/export.ts'
import { recipe } from '../../shared/contract/sidecar/quantization.ts'
import type { RunOptions } from './recording.ts'

const path = z.string().min(1)

const calibrationInputs = z.strictObject({
  text: path.optional(),
  samples: z.int().min(1).optional(),
  length: z.int().min(1).optional(),
  estimator: estimator.optional(),
  precision: precision.optional(),
})

/** The use cases that can be asked for again, with what each was asked. Paths are absolute. */
const askedFor = z.discriminatedUnion('useCase', [
  z.object({
    useCase: z.literal('calibrate'),
    request: calibrationInputs.extend({ checkpoint: path, out: path.optional() }),
  }),
  z.object({
    useCase: z.literal('quantize'),
    request: calibrationInputs.extend({
      checkpoint: path,
      recipe,
      calibration: path.optional(),
      out: path.optional(),
    }),
  }),
  z.object({
    useCase: z.literal('evaluate'),
    request: z.strictObject({
      model: path,
      against: path.optional(),
      text: path,
      window: z.int().min(1).optional(),
      limitWindows: z.int().min(1).optional(),
      bos: z.enum(['none', 'text', 'window']).optional(),
      precision: precision.optional(),
    }),
  }),
  z.object({
    useCase: z.literal('mainJob'),
    request: z.strictObject({
      checkpoint: path,
      recipe: recipe.optional(),
      text: path.optional(),
      evaluateOn: path.optional(),
    }),
  }),
  z.object({
    useCase: z.literal('sweep'),
    request: calibrationInputs.extend({
      checkpoint: path,
      calibration: path.optional(),
      outliers: recipe.shape.outliers.optional(),
      evaluateOn: path.optional(),
      window: z.int().min(1).optional(),
      limitWindows: z.int().min(1).optional(),
      bits: z.array(z.int()).optional(),
      sparsities: z.array(z.number()).optional(),
      adaptive: z.int().min(1).optional(),
      budgets: z.array(z.strictObject({ amount: z.number(), unit: z.enum(['bits per weight', 'bytes']) })).optional(),
      recipes: z.array(recipe).optional(),
    }),
  }),
  z.object({
    useCase: z.literal('export'),
    request: z.strictObject({ result: path, format: exportFormat, out: path }),
  }),
  z.object({
    useCase: z.literal('benchmark'),
    request: z.strictObject({
      models: z.array(path),
      promptTokens: z.int().min(1).optional(),
      generateTokens: z.int().min(1).optional(),
      contexts: z.array(z.int().min(1)).optional(),
      simd: simd.optional(),
      arithmetic: arithmetic.optional(),
      rounds: z.int().min(1).optional(),
    }),
  }),
])
type AskedFor = z.infer<typeof askedFor>

const machinery = z.object({
  device: z.union([device, z.literal('auto')]).optional(),
  threads: threads.optional(),
  memory: z.string().optional(),
})

/** What a person asked for, and on what it was to run. One of these may make several jobs; each of them carries it. */
export const asked = z.intersection(askedFor, z.object({ machinery }))
export type Asked = z.infer<typeof asked>

/**
 * The options with what was asked for, unless a use case around this one was asked for something larger. What the
 * schema does not know in full is not kept: half of a request is not the same request.
 */
export function asking(options: RunOptions, what: AskedFor): RunOptions {
  if (options.asked) return options
  const { device: on, threads: count, memory } = options
  return { ...options, asked: asked.safeParse({ ...what, machinery: { device: on, threads: count, memory } }).data }
}

/** A path that means the same wherever the studio is started the next time. */
export function lasting<P extends string | undefined>(given: P): P {
  return (given === undefined ? given : resolve(given)) as P
}
