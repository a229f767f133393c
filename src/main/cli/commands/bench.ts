import { writeFileSync } from 'node:fs'
import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Arithmetic, SimdChoice } from '../../../shared/contract/sidecar/benchmark.ts'
import type { StoredLayout } from '../../../shared/contract/sidecar/synthesis.ts'
import { fail } from '../../../shared/contract/studio-error.ts'
import { SHAPES } from '../../studio/index.ts'
import { benchmarkText, kernelText } from '../bench-text.ts'
import { addCommonOptions, integer, type CommonOptions } from '../options.ts'
import { runCommand, type Session } from '../session.ts'
import { storedLayout, storedLayouts, type NamedLayout } from '../stored-layout.ts'

type Options = CommonOptions & {
  prompt?: number
  generate?: number
  contexts?: number[]
  rounds: number
  simd: SimdChoice
  arithmetic: Arithmetic
  shape?: string
  weights?: NamedLayout[]
  head?: StoredLayout
  keep?: string
  kernels?: boolean
  save?: string
}

export function registerBench(program: Command): void {
  const tokens = integer(1, 1_048_576)
  const command = program
    .command('bench')
    .description('measure how fast models read a prompt and generate, against what the memory allows')
    .argument('[models...]', 'folders of checkpoints or of results, measured in turns')
    .option('--prompt <tokens>', 'tokens of the prompt (default: 512)', tokens)
    .option('--generate <tokens>', 'tokens to generate (default: 128)', integer(2, 1_048_576))
    .option('--contexts <list>', 'tokens in the cache when generation is timed, such as 128,1024', contexts)
    .option('--rounds <count>', 'times that everything is measured', integer(1, 1000), 5)
    .addOption(
      new Option('--simd <set>', 'instructions to compute with')
        .choices(['auto', 'avx512', 'avx2', 'portable'])
        .default('auto'),
    )
    .addOption(new Option('--arithmetic <kind>', 'of codebooks and inputs').choices(['int16', 'fp32']).default('int16'))
    .addOption(
      new Option('--shape <name>', 'measure models of random weights of this shape').choices(Object.keys(SHAPES)),
    )
    .option(
      '--weights <list>',
      'their layouts: f16, bf16, 2 to 8, such as f16,4,3+0.45% (default: f16,4,3)',
      storedLayouts,
    )
    .option('--head <layout>', 'layout of their heads (default: f16)', storedLayout)
    .option('--keep <folder>', 'keep them there')
    .addOption(
      new Option('--kernels', 'measure single matrix products instead').conflicts([
        'shape',
        'prompt',
        'generate',
        'contexts',
      ]),
    )
    .option('--save <file>', 'also write the answer as JSON into this file')
  addCommonOptions(command).action((models: string[], options: Options) =>
    runCommand(options, async (session) => {
      refuseMixtures(models, options)
      if (options.kernels) return benchKernels(session, options)
      const { shape } = options
      const outcome =
        shape === undefined
          ? await session.studio.benchmark({ ...settings(options), models }, session.run)
          : await session.studio.benchmarkShape({ ...settings(options), ...random(shape, options) }, session.run)
      const { result, machine } = outcome
      answer(session, options, { ...result, machine, shape, kind: 'bench' }, () => benchmarkText(outcome))
    }),
  )
}

async function benchKernels(session: Session, options: Options): Promise<void> {
  const outcome = await session.studio.benchmarkKernels(settings(options), session.run)
  const { result, machine } = outcome
  answer(session, options, { ...result, machine, kind: 'bench-kernels' }, () => kernelText(outcome))
}

function settings({ prompt, generate, contexts, rounds, simd, arithmetic }: Options) {
  return { promptTokens: prompt, generateTokens: generate, contexts, rounds, simd, arithmetic }
}

function random(name: string, { weights, head, keep }: Options) {
  const shape = SHAPES[name]
  if (!shape) throw fail('internal', `There is no shape ${name}.`)
  return { shape, layouts: weights ?? storedLayouts('f16,4,3'), head: head ?? storedLayout('f16'), keep }
}

/** What is to be measured is one of three things. */
function refuseMixtures(models: string[], options: Options): void {
  const { shape, kernels } = options
  if (models.length > 0 && (shape !== undefined || kernels))
    throw fail('invalid-request', `Models cannot be measured together with ${kernels ? '--kernels' : '--shape'}.`)
  if (models.length === 0 && shape === undefined && !kernels)
    throw fail('invalid-request', 'There is nothing to measure.', {
      hint: 'Name folders of models, a --shape to make some of, or --kernels.',
    })
  for (const name of ['weights', 'head', 'keep'] as const)
    if (options[name] !== undefined && shape === undefined)
      throw fail('invalid-request', `--${name} is about models that are made, and needs a --shape.`)
}

function answer(
  { output }: Session,
  { save }: Options,
  line: { kind: string } & Record<string, unknown>,
  text: () => string,
): void {
  output.answer(line, text)
  if (save === undefined) return
  try {
    writeFileSync(save, `${JSON.stringify(line, undefined, 2)}\n`)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw fail('output-unwritable', `${save} cannot be written: ${why}`, {}, cause)
  }
}

function contexts(text: string): number[] {
  const list = text.split(',').map((part) => part.trim())
  if (list.length > 16) throw new InvalidArgumentError('Expected at most 16 of them.')
  return list.map(integer(1, 1_048_576))
}
