import { z } from 'zod'
import { device, durationMs, sizeBytes, threads } from './common.ts'
import { storedLayout } from './synthesis.ts'

export const simd = z
  .enum(['auto', 'avx512', 'avx2', 'portable'])
  .describe('Instructions of the products with few tokens; auto takes the widest that the processor has.')
export type SimdChoice = z.infer<typeof simd>

export const arithmetic = z
  .enum(['int16', 'fp32'])
  .describe('Codebooks and inputs rounded to 13 bits and a sign and added up exactly, or in fp32.')
export type Arithmetic = z.infer<typeof arithmetic>

const rounds = z.int().min(1).max(1000).describe('Times that everything is measured, after a warm-up.')

export const spread = z
  .object({
    median: z.number().describe('Middle of the rounds.'),
    min: z.number().describe('Smallest.'),
    max: z.number().describe('Largest.'),
  })
  .describe('One quantity, measured once a round.')
export type Spread = z.infer<typeof spread>

export const readBandwidth = z
  .object({
    threads: z
      .int()
      .min(1)
      .describe('Threads that the benchmark ran on; 1 where a GPU computed: it hands over the work.'),
    allThreads: spread.describe('GB/s (10⁹ bytes) of all of these threads together, or of the whole GPU.'),
    oneThread: spread.optional().describe('GB/s of one thread alone; absent where a GPU computed.'),
  })
  .describe('Reading the memory of what computed from one end to the other, out of cache, between the rounds.')
export type ReadBandwidth = z.infer<typeof readBandwidth>

/** host → sidecar, starts a job: speed and memory of one or more models, side by side. */
export const benchmarkStartParams = z.object({
  models: z.array(z.string()).min(1).max(16).describe('Folders of checkpoints or results.'),
  promptTokens: z.int().min(1).max(1_048_576).describe('Tokens of the prompt whose reading is timed.'),
  generateTokens: z.int().min(2).max(1_048_576).describe('Tokens generated; the time begins at the first.'),
  contexts: z
    .array(z.int().min(1).max(1_048_576))
    .max(16)
    .describe('Tokens that the cache holds when generation begins, one measurement each; none: promptTokens alone.'),
  rounds,
  simd,
  arithmetic,
  device,
  threads,
})

export const generationSpeed = z.object({
  context: z.int().min(1).describe('Tokens in the cache when generation began.'),
  tokensPerSecond: spread.describe('Tokens after the first, per second.'),
  cacheBytesPerToken: sizeBytes.describe('Bytes of keys and values read for a token, in the middle of the run.'),
  bandwidthShare: spread.describe(
    'Bytes of weights and cache per second over the read bandwidth of the same round, all threads; 1 is all of it.',
  ),
})
export type GenerationSpeed = z.infer<typeof generationSpeed>

export const modelSpeed = z.object({
  path: z.string().describe('Folder of the model.'),
  storedAs: z.string().describe('Layout of the matrices in the layers: "F16", "3 bits", "3 bits + 0.45%".'),
  headStoredAs: z.string().describe('Layout of the head.'),
  weightBytesPerToken: sizeBytes.describe('Stored bytes of matrices and head: what one token reads of the weights.'),
  cacheBytesPerPosition: sizeBytes.describe('Bytes of keys and values of one token in the cache.'),
  memoryBytes: sizeBytes.describe('Weights and cache of the loaded model, on a GPU with its scratch memory.'),
  promptTokensPerSecond: spread.describe('Tokens of the prompt over the wait for the first token.'),
  firstTokenMs: spread.describe('Wait for the first token after a prompt of promptTokens, milliseconds.'),
  generation: z.array(generationSpeed).min(1).describe('One entry for each context, shortest first.'),
})
export type ModelSpeed = z.infer<typeof modelSpeed>

export const benchmarkResult = z.object({
  kind: z.literal('benchmark'),
  models: z.array(modelSpeed).describe('In the order asked for.'),
  promptTokens: z.int().min(1).describe('Tokens of the prompt.'),
  generateTokens: z.int().min(2).describe('Tokens generated.'),
  rounds: z.int().min(1).describe('Rounds measured.'),
  interleaved: z
    .boolean()
    .describe('True when all models were loaded at once and took turns; false when they were measured one by one.'),
  simd: z.string().describe('Instructions asked for, or found for "auto"; on a GPU its compute capability: "sm_90".'),
  arithmetic: arithmetic.describe('What was asked for; fp32 on a GPU.'),
  readBandwidth,
  peakMemoryBytes: sizeBytes.describe(
    'Peak resident memory of the sidecar: loaded models, mapped pages of their files, 400 MB for the bandwidth. What lies on a GPU is not in it.',
  ),
  durationMs,
})
export type BenchmarkResult = z.infer<typeof benchmarkResult>

export const matrixShape = z.object({
  rows: z.int().min(1).max(1_048_576).describe('N, output channels.'),
  cols: z.int().min(1).max(65_536).describe('K, in-features.'),
})
export type MatrixShape = z.infer<typeof matrixShape>

/** host → sidecar, starts a job: products of a matrix with few tokens, out of cache, each checked before it is timed. */
export const benchmarkKernelsParams = z.object({
  shapes: z.array(matrixShape).min(1).max(64).describe('Sizes of the matrix.'),
  layouts: z.array(storedLayout).min(1).max(64).describe('Layouts of the matrix.'),
  tokens: z.array(z.int().min(1).max(32)).min(1).max(32).describe('Tokens multiplied at once.'),
  rounds,
  simd,
  arithmetic,
  device,
  threads,
})

export const kernelSpeed = z.object({
  rows: matrixShape.shape.rows,
  cols: matrixShape.shape.cols,
  layout: storedLayout,
  tokens: z.int().min(1).describe('Tokens multiplied at once.'),
  weightBytes: sizeBytes.describe('Bytes of the matrix as the product reads it.'),
  productMs: spread.describe('Time of one product, milliseconds.'),
  gigabytesPerSecond: spread.describe('Bytes of the matrix per second, GB/s.'),
  bandwidthShare: spread.describe('Of the read bandwidth of the same round, all threads; 1 is all of it.'),
  relativeError: z
    .number()
    .min(0)
    .describe('‖y − reference‖ / ‖reference‖, the reference in fp64 from the dequantized matrix.'),
})
export type KernelSpeed = z.infer<typeof kernelSpeed>

export const kernelBenchmarkResult = z.object({
  kind: z.literal('kernel-benchmark'),
  kernels: z.array(kernelSpeed).describe('Shape by shape, layout by layout, fewest tokens first.'),
  rounds: z.int().min(1).describe('Rounds measured.'),
  simd: z.string().describe('Instructions asked for, or found for "auto".'),
  arithmetic,
  readBandwidth,
  durationMs,
})
export type KernelBenchmarkResult = z.infer<typeof kernelBenchmarkResult>
