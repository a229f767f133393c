import { Option, type Command } from 'commander'
import type { ModelShape, StoredLayout } from '../../../shared/contract/sidecar/synthesis.ts'
import { fail } from '../../../shared/contract/studio-error.ts'
import { SHAPES } from '../../studio/index.ts'
import { facts, strong } from '../layout.ts'
import { addCommonOptions, fraction, integer, type CommonOptions } from '../options.ts'
import { runCommand } from '../session.ts'
import { storedLayout, storedLayoutText } from '../stored-layout.ts'
import { bytes, count, duration, shownPath } from '../units.ts'

type Options = CommonOptions &
  Partial<ModelShape> & {
    shape?: string
    weights: StoredLayout
    sparsity?: number
    head: StoredLayout
    seed: number
    out: string
  }

export function registerSynthesize(program: Command): void {
  const command = program
    .command('synthesize')
    .description('make a Llama of random weights, to measure the speed and the memory of a shape')
    .addOption(new Option('--shape <name>', 'a known shape; the sizes below change it').choices(Object.keys(SHAPES)))
    .option('--hidden <width>', 'width of the residual stream', integer(2, 65_536))
    .option('--layers <count>', 'decoder layers', integer(1, 1024))
    .option('--intermediate <width>', 'width inside the MLP', integer(1, 65_536))
    .option('--heads <count>', 'query heads', integer(1, 1024))
    .option('--kv-heads <count>', 'key and value heads (default: as many as query heads)', integer(1, 1024))
    .option('--vocabulary <count>', 'rows of embedding and head (default: 32000)', integer(2, 1_048_576))
    .option('--context <tokens>', 'longest sequence (default: 4096)', integer(1, 1_048_576))
    .option('--weights <layout>', 'of the matrices: f16, bf16, 2 to 8 bits, or such as 3+0.45%', storedLayout, F16)
    .option('--sparsity <fraction>', 'share kept beside the codebook: 0.0045 or 0.45%', fraction(0.2))
    .option('--head <layout>', 'of the head, in the same words', storedLayout, F16)
    .option('--seed <number>', 'the same seed gives the same weights', integer(0, 2 ** 31 - 1), 0)
    .requiredOption('--out <folder>', 'folder to make')
  addCommonOptions(command).action((options: Options) =>
    runCommand(options, async ({ studio, output, run }) => {
      const { head, seed, out } = options
      const shape = shapeOf(options)
      const weights = weightsOf(options)
      const made = await studio.synthesize({ shape, weights, head, seed, out }, run)
      output.answer({ ...made, shape, weights, head, seed, kind: 'synthesize' }, () =>
        [
          `${strong(shownPath(made.out))}  random weights, ${count(made.parameters)} parameters`,
          '',
          facts([
            ['Stored as', `${storedLayoutText(weights)}, head ${storedLayoutText(head)}`],
            ['Size', bytes(made.sizeBytes)],
            ['Time', duration(made.durationMs)],
          ]),
        ].join('\n'),
      )
    }),
  )
}

const F16: StoredLayout = { type: 'f16', sparsity: 0 }

function weightsOf({ weights, sparsity }: Options): StoredLayout {
  if (sparsity === undefined) return weights
  if (weights.type === 'lut') return { ...weights, sparsity }
  throw fail('invalid-request', '--sparsity needs --weights of 2 to 8 bits: dense weights have none kept apart.')
}

function shapeOf(options: Options): ModelShape {
  const known = options.shape === undefined ? undefined : SHAPES[options.shape]
  const size = (name: keyof ModelShape, otherwise?: number): number => {
    const value = options[name] ?? known?.[name] ?? otherwise
    if (value !== undefined) return value
    throw fail('invalid-request', `The shape has no --${name}.`, { hint: 'Name it, or begin with a --shape.' })
  }
  const heads = size('heads')
  return {
    hidden: size('hidden'),
    layers: size('layers'),
    intermediate: size('intermediate'),
    heads,
    // Heads of one's own do not go with the number of keys that belongs to others.
    kvHeads: options.kvHeads ?? (options.heads === undefined ? size('kvHeads', heads) : heads),
    vocabulary: size('vocabulary', 32_000),
    context: size('context', 4096),
  }
}
