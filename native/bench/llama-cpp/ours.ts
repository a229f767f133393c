/** The studio's side, by its command line: models of random weights, and the speed that its benchmark gives. */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { GENERATED_TOKENS, PROMPT_TOKENS, SHORT_CONTEXT, type Speed, type Task } from './contestants.ts'
import { runProgram } from './program.ts'
import type { Shape } from './shape.ts'

/** As the command line names a layout of the matrices: dense, bits of an index, bits and the share kept exactly. */
export type OurWeights = 'f16' | '8' | '4' | '3' | '2' | '3+0.45%' | '3+5%'

const program = join(import.meta.dirname, '../../../bin/squeeze')

export interface Ours {
  /** Makes the model where it is not there yet. */
  prepare(weights: OurWeights): void
  measure(weights: OurWeights, task: Task, threads: number, simd: 'auto' | 'avx2'): Speed
}

export function makeOurs(shape: Shape, models: string): Ours {
  mkdirSync(models, { recursive: true })
  const folderOf = (weights: OurWeights) => join(models, weights)

  function prepare(weights: OurWeights): void {
    if (existsSync(folderOf(weights))) return
    const sizes = {
      hidden: shape.hidden,
      layers: shape.layers,
      intermediate: shape.intermediate,
      heads: shape.heads,
      'kv-heads': shape.kvHeads,
      vocabulary: shape.vocabulary,
      context: shape.context,
    }
    const head = weights === 'f16' ? 'f16' : '4'
    const options = { ...sizes, weights, head, out: folderOf(weights) }
    squeeze('synthesize', ...Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]))
  }

  function measure(weights: OurWeights, task: Task, threads: number, simd: 'auto' | 'avx2'): Speed {
    const tokens =
      task === 'prompt'
        ? ['--prompt', String(PROMPT_TOKENS), '--generate', '2']
        : ['--prompt', String(SHORT_CONTEXT), '--generate', String(GENERATED_TOKENS)]
    const answer = squeeze(
      ...['bench', folderOf(weights), ...tokens, '--rounds', '1'],
      ...['--threads', String(threads), '--simd', simd, '--device', 'cpu'],
    ) as BenchAnswer
    const [model] = answer.models
    const [generation] = model?.generation ?? []
    if (!model || !generation) throw new Error(`squeeze bench gave no speed: ${JSON.stringify(answer)}`)
    return task === 'prompt'
      ? { tokensPerSecond: model.promptTokensPerSecond.median }
      : { tokensPerSecond: generation.tokensPerSecond.median, bandwidthShare: generation.bandwidthShare.median }
  }

  return { prepare, measure }
}

/** What is read of the answer of `squeeze bench --json`. */
interface BenchAnswer {
  models: {
    promptTokensPerSecond: { median: number }
    generation: { tokensPerSecond: { median: number }; bandwidthShare: { median: number } }[]
  }[]
}

/** The last line that a command says is its answer. */
function squeeze(...args: string[]): unknown {
  const { stdout } = runProgram(process.execPath, [program, ...args, '--json', '--no-project'])
  return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '')
}
