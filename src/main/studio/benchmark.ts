import { mkdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type {
  Arithmetic,
  BenchmarkResult,
  KernelBenchmarkResult,
  MatrixShape,
  SimdChoice,
} from '../../shared/contract/sidecar/benchmark.ts'
import type { ModelShape, StoredLayout } from '../../shared/contract/sidecar/synthesis.ts'
import { fail } from '../../shared/contract/studio-error.ts'
import { insertBenchmark } from '../db/index.ts'
import { asking } from './asked.ts'
import type { Context } from './context.ts'
import { resolveMachinery } from './device.ts'
import { openModel, type Model } from './model.ts'
import { stretch } from './progress.ts'
import { runAsJob, stored, type RunOptions } from './recording.ts'
import { withScratchFolder } from './scratch.ts'
import { synthesize } from './synthesize.ts'

/** How the few-token products compute, and how often everything is measured. */
type Kernels = { simd?: SimdChoice | undefined; arithmetic?: Arithmetic | undefined; rounds?: number | undefined }

export type BenchmarkSettings = Kernels & {
  /** 512 when absent. */
  promptTokens?: number | undefined
  /** 128 when absent. */
  generateTokens?: number | undefined
  /** Tokens that the cache holds when generation is timed; promptTokens alone when absent. */
  contexts?: number[] | undefined
}

/** Whose figures these are. */
export type BenchmarkMachine = { processor: string; isa: string[]; measuredAtMs: number }

export type BenchmarkOutcome = { result: BenchmarkResult; machine: BenchmarkMachine }

/** Speed and memory of models side by side; what belongs to a project is recorded there. */
export async function benchmark(
  context: Context,
  request: BenchmarkSettings & { models: string[] },
  options: RunOptions = {},
): Promise<BenchmarkOutcome> {
  const models: Model[] = []
  for (const path of request.models) models.push(await openModel(context, path, options))
  const { promptTokens = 512, generateTokens = 128, contexts = [] } = request
  const params = {
    models: models.map((model) => model.inspection.path),
    promptTokens,
    generateTokens,
    contexts,
    ...kernels(request),
    ...(await resolveMachinery(context, 'benchmark.start', options)),
  }
  const projectId = models.find((model) => model.project)?.project?.id
  const run = asking(options, { useCase: 'benchmark', request: { ...request, models: params.models } })
  return runAsJob(context, { kind: 'benchmark', projectId, params }, run, async (onProgress) => {
    const result = await context.sidecar.runJob('benchmark.start', params, { onProgress, signal: options.signal })
    const machine = await machineNow(context, params.device)
    // Before the job ends: whoever hears of the end finds the numbers.
    for (const [index, model] of models.entries()) record(context, model, index, { result, machine })
    return { result, machine }
  })
}

export type ShapeBenchmarkRequest = BenchmarkSettings & {
  shape: ModelShape
  /** Layouts of the matrices, each a model of its own, called by its label. */
  layouts: { label: string; weights: StoredLayout }[]
  head: StoredLayout
  /** Folder in which the models are kept; they are deleted when absent. */
  keep?: string | undefined
}

/** The same with models of random weights, made for it. */
export async function benchmarkShape(
  context: Context,
  request: ShapeBenchmarkRequest,
  options: RunOptions = {},
): Promise<BenchmarkOutcome> {
  const { shape, layouts, head, keep, ...settings } = request
  const run = async (folder: string) => {
    const models: string[] = []
    for (const [index, { label, weights }] of layouts.entries()) {
      const part = (at: number) => (SYNTHESIS_SHARE * at) / layouts.length
      const onProgress = stretch(options.onProgress, part(index), part(index + 1))
      const made = await synthesize(
        context,
        { shape, weights, head, out: join(folder, label) },
        { ...options, onProgress },
      )
      models.push(made.out)
    }
    const onProgress = stretch(options.onProgress, SYNTHESIS_SHARE, 1)
    // No project: what is random is nobody's checkpoint.
    return benchmark(context, { ...settings, models }, { ...options, onProgress, record: false })
  }
  return keep === undefined ? withScratchFolder(context, options, run) : run(keptFolder(keep))
}

/** Of the time that making and measuring takes. */
const SYNTHESIS_SHARE = 0.4

function keptFolder(keep: string): string {
  const folder = resolve(keep)
  try {
    mkdirSync(folder, { recursive: true })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw fail('output-unwritable', `${folder} cannot be made: ${why}`, {}, cause)
  }
  return folder
}

export type KernelBenchmarkOutcome = { result: KernelBenchmarkResult; machine: BenchmarkMachine }

/** Products of single matrices with few tokens: those of a 1 B and of a 7 B Llama, in every layout. */
export async function benchmarkKernels(
  context: Context,
  request: Kernels,
  options: RunOptions = {},
): Promise<KernelBenchmarkOutcome> {
  const params = {
    shapes: KERNEL_SHAPES,
    layouts: KERNEL_LAYOUTS,
    tokens: [1, 4, 16],
    ...kernels(request),
    ...(await resolveMachinery(context, 'benchmark.kernels', options)),
  }
  const { onProgress, signal } = options
  const result = await context.sidecar.runJob('benchmark.kernels', params, { onProgress, signal })
  return { result, machine: await machineNow(context, params.device) }
}

const KERNEL_SHAPES: MatrixShape[] = [
  { rows: 2048, cols: 2048 },
  { rows: 5632, cols: 2048 },
  { rows: 2048, cols: 5632 },
  { rows: 4096, cols: 4096 },
  { rows: 11_008, cols: 4096 },
]

const codebook = (bits: number, sparsity = 0): StoredLayout => ({ type: 'lut', bits, sparsity })

const KERNEL_LAYOUTS: StoredLayout[] = [
  { type: 'f16', sparsity: 0 },
  { type: 'bf16', sparsity: 0 },
  ...[8, 4, 3, 2].map((bits) => codebook(bits)),
  ...[0.0045, 0.05].flatMap((sparsity) => [codebook(4, sparsity), codebook(3, sparsity)]),
]

function kernels({ simd = 'auto', arithmetic = 'int16', rounds = 5 }: Kernels) {
  return { simd, arithmetic, rounds }
}

async function machineNow(context: Context, device: string): Promise<BenchmarkMachine> {
  const { devices, isa } = await context.sidecar.hello()
  const { name = 'unknown processor' } = devices.find(({ id }) => id === device) ?? {}
  return { processor: name, isa: device === 'cpu' ? isa : [], measuredAtMs: Date.now() }
}

function record(context: Context, model: Model, index: number, { result, machine }: BenchmarkOutcome): void {
  const { project } = model
  const speed = result.models[index]
  if (!project || !speed) return
  stored(() =>
    insertBenchmark(context.database(), {
      projectId: project.id,
      resultId: model.result?.id,
      modelFingerprint: model.inspection.fingerprint,
      processor: machine.processor,
      speed,
      result,
      now: machine.measuredAtMs,
    }),
  )
}
