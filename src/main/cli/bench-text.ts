import { basename } from 'node:path'
import type { GenerationSpeed, ModelSpeed, ReadBandwidth, Spread } from '../../shared/contract/sidecar/benchmark.ts'
import type { BenchmarkMachine, BenchmarkOutcome, KernelBenchmarkOutcome } from '../studio/index.ts'
import { facts, strong, table, type Align } from './layout.ts'
import { storedLayoutText } from './stored-layout.ts'
import { bytes, digits, duration, percent } from './units.ts'

/** Models side by side: one line for each, or for each context where generation was timed at several. */
export function benchmarkText({ result: r, machine }: BenchmarkOutcome): string {
  const first = r.models[0]?.generation[0]?.tokensPerSecond.median
  const several = r.models.some((model) => model.generation.length > 1)
  const head = ['Model', 'Stored as', 'Read per token', `Prompt ${r.promptTokens}`, ...(several ? ['Context'] : [])]
  const align: Align[] = ['left', 'left', 'right', 'right', ...(several ? (['right'] as const) : [])]
  const line = (model: ModelSpeed, at: GenerationSpeed, index: number) => [
    ...(index === 0
      ? [
          strong(basename(model.path)),
          storedText(model),
          megabytes(model.weightBytesPerToken),
          `${digits(model.promptTokensPerSecond.median)} tok/s`,
        ]
      : ['', '', '', '']),
    ...(several ? [String(at.context)] : []),
    `${strong(digits(at.tokensPerSecond.median))} tok/s`,
    range(at.tokensPerSecond),
    first ? `${digits(at.tokensPerSecond.median / first)} ×` : '',
    percent(at.bandwidthShare.median),
    ...(index === 0 ? [bytes(model.memoryBytes)] : ['']),
  ]
  return [
    table(
      [
        [...head, `Generation ${r.generateTokens}`, 'min–max', 'Ratio', 'Of bandwidth', 'Memory'],
        ...r.models.flatMap((model) => model.generation.map((at, index) => line(model, at, index))),
      ],
      [...align, 'right', 'right', 'right', 'right', 'right'],
    ),
    '',
    facts([
      ...machineFacts(machine, r.readBandwidth, `${r.simd}, ${r.arithmetic}`),
      ['Rounds', `${r.rounds}, medians; ${r.interleaved ? 'the models took turns' : 'one model after the other'}`],
      ['Peak memory', `${bytes(r.peakMemoryBytes)} of the sidecar, ${peakWords(r.readBandwidth)}`],
      ['Time', duration(r.durationMs)],
    ]),
  ].join('\n')
}

export function kernelText({ result: r, machine }: KernelBenchmarkOutcome): string {
  return [
    table(
      [
        ['Matrix', 'Stored as', 'Tokens', 'Size', 'Product', 'Speed', 'min–max', 'Of bandwidth', 'Error'],
        ...r.kernels.map((kernel) => [
          `${kernel.rows} × ${kernel.cols}`,
          storedLayoutText(kernel.layout),
          String(kernel.tokens),
          megabytes(kernel.weightBytes),
          `${digits(1000 * kernel.productMs.median)} µs`,
          `${strong(digits(kernel.gigabytesPerSecond.median))} GB/s`,
          range(kernel.gigabytesPerSecond),
          percent(kernel.bandwidthShare.median),
          kernel.relativeError.toExponential(1),
        ]),
      ],
      ['left', 'left', 'right', 'right', 'right', 'right', 'right', 'right', 'right'],
    ),
    '',
    facts([
      ...machineFacts(machine, r.readBandwidth, `${r.simd}, ${r.arithmetic}`),
      ['Rounds', `${r.rounds}, medians; out of cache; every product was checked before it was timed`],
      ['Time', duration(r.durationMs)],
    ]),
  ].join('\n')
}

function machineFacts(machine: BenchmarkMachine, memory: ReadBandwidth, path: string): [string, string][] {
  const { threads, allThreads, oneThread } = memory
  return [
    ['Machine', [machine.processor, machine.isa.length > 0 && `(${machine.isa.join(' ')})`].filter(Boolean).join(' ')],
    ['Computed with', oneThread ? `${threads === 1 ? '1 thread' : `${threads} threads`}, ${path}` : path],
    [
      'Read bandwidth',
      `${digits(allThreads.median)} GB/s (${range(allThreads)})` +
        (oneThread ? `, one thread ${digits(oneThread.median)} GB/s` : ", of the GPU's memory"),
    ],
    ['Measured', `${new Date(machine.measuredAtMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`],
  ]
}

/** A GPU has no single thread to be measured, and what lies on it is not the sidecar's. */
function peakWords({ oneThread }: ReadBandwidth): string {
  return oneThread ? "mapped files and the bandwidth's buffer included" : 'mapped files included, the GPU not'
}

/** Many checkpoints keep their head as they were trained; then it is worth a word. */
function storedText({ storedAs, headStoredAs }: ModelSpeed): string {
  return storedAs === headStoredAs ? storedAs : `${storedAs}, head ${headStoredAs}`
}

const range = ({ min, max }: Spread): string => `${digits(min)}–${digits(max)}`

const megabytes = (count: number): string => `${digits(count / 1e6)} MB`
