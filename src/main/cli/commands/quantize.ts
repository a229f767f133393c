import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Recipe, Refinement } from '../../../shared/contract/sidecar/quantization.ts'
import { beyondPaperFields } from '../../../shared/recipe/beyond-paper.ts'
import type { QuantizeOutcome } from '../../studio/index.ts'
import { facts, strong } from '../layout.ts'
import {
  addCalibrationOptions,
  addCommonOptions,
  calibrationText,
  fraction,
  integer,
  addQualityOptions,
  qualityFields,
  type QualityOptions,
  type CalibrationOptions,
  type CommonOptions,
} from '../options.ts'
import { readRecipe } from '../recipe-file.ts'
import { recipeText } from '../recipe-text.ts'
import { runCommand } from '../session.ts'
import { bitsPerWeight, bytes, duration, percent, shownPath } from '../units.ts'

type Options = CommonOptions &
  CalibrationOptions &
  QualityOptions & {
    method: string
    bits: number
    sparsity: number
    solver: Recipe['solver']
    unweighted?: boolean
    group: number
    share: number
    embeddingBits: number
    headBits: number
    calibration?: string
    recipe?: string
    out?: string
  }

export function registerQuantize(program: Command): void {
  const command = program
    .command('quantize')
    .description('squeeze a checkpoint; calibrates first where the recipe needs it and none is named')
    .argument('<checkpoint>', 'folder of a checkpoint')
    .addOption(
      new Option('--method <name>', 'how weights become indices').choices(['squeezellm', 'rtn']).default('squeezellm'),
    )
    .option('--bits <bits>', 'bits of an index, 2 to 8', integer(2, 8), 3)
    .option('--sparsity <fraction>', 'share of the weights kept exactly: 0.0045 or 0.45%', fraction(0.2), 0)
  addQualityOptions(command)
    .addOption(new Option('--solver <solver>', 'clustering of a row').choices(['exact', 'lloyd']).default('exact'))
    .addOption(
      new Option(
        '--recipe <file>',
        'recipe to follow, instead of the options above; --refine may go with it',
      ).conflicts([
        'method',
        'bits',
        'sparsity',
        'outliers',
        'solver',
        'asPublished',
        'unweighted',
        'group',
        'share',
        'embeddingBits',
        'headBits',
      ]),
    )
    .option('--group <weights>', 'weights along a row for each codebook, 32 or more; 0: the whole row', groupSize, 0)
    .option('--share <rows>', 'neighbouring rows that share a codebook', integer(1, 65_536), 1)
    .addOption(outsideOption('--embedding-bits <bits>', 'width of the embedding; 16: as it is'))
    .addOption(outsideOption('--head-bits <bits>', 'width of the output head; 16: as it is'))
    .option('--unweighted', 'cluster with every weight alike, without a calibration')
    .addOption(
      new Option('--calibration <folder>', 'calibration to use').conflicts([
        'unweighted',
        'text',
        'sample',
        'wikitext',
      ]),
    )
    .option('--out <folder>', "folder to make (default: in the studio's folder)")
  addCommonOptions(addCalibrationOptions(command)).action((checkpoint: string, options: Options) =>
    runCommand(options, async ({ studio, output, run }) => {
      const { calibration, samples, length, estimator, precision, out } = options
      const text = calibrationText(studio, options)
      const recipe = options.recipe === undefined ? recipeOf(options) : recipeIn(options.recipe, options)
      if (recipe.weighting === 'fisher' && calibration === undefined && text === undefined && !options.sample) {
        output.note('No text is named: calibrating on the bundled sample text.')
      }
      const request = { checkpoint, recipe, calibration, text, samples, length, estimator, precision, out }
      const outcome = await studio.quantize(request, run)
      const { result, ...rest } = outcome
      output.answer({ ...result, ...rest, kind: 'quantize' }, () => quantizationText(outcome))
    }),
  )
}

function groupSize(text: string): number {
  const value = integer(0, 1_048_576)(text)
  if (value !== 0 && value < 32) throw new InvalidArgumentError('It must be 0, or 32 or more.')
  return value
}

function outsideOption(flags: string, words: string): Option {
  return new Option(flags, words).default(16).argParser((text) => {
    if (text === '4' || text === '8' || text === '16') return Number(text)
    throw new InvalidArgumentError('It must be 4, 8 or 16.')
  })
}

function recipeOf({ method, bits, sparsity, solver, ...options }: Options): Recipe {
  // Rounding to nearest needs no sensitivities; it takes them when they are offered, to choose what is kept exactly.
  const offered =
    options.calibration !== undefined ||
    options.text !== undefined ||
    options.sample === true ||
    options.wikitext === true
  const weighted = !options.unweighted && (method !== 'rtn' || offered)
  const weighting = weighted ? 'fisher' : 'none'
  const { group, share, embeddingBits, headBits } = options
  const beyond = beyondPaperFields({ group, share, embeddingBits, headBits })
  return qualityFields({ method, bits, sparsity, solver, weighting, ...beyond }, options)
}

/** The recipe of a file, refined in other steps than it says where that is asked for. */
function recipeIn(path: string, { refine }: Options): Recipe {
  const recipe = readRecipe(path)
  return refine === undefined ? recipe : { ...recipe, refine }
}

function quantizationText({ result: r, calibration, project }: QuantizeOutcome): string {
  const kept = r.matrices.reduce((sum, { sparseCount }) => sum + sparseCount, 0)
  return [
    `${strong(shownPath(r.out))}  result`,
    '',
    facts([
      ['Recipe', recipeText(r.recipe)],
      ['Matrices', `${bitsPerWeight(r.bitsPerWeight)}, ${r.matrices.length} matrices, ${kept} weights kept exactly`],
      ...(r.outside ?? []).map(({ embedding, head, ...matrix }): [string, string] => [
        embedding ? 'Embedding' : 'Head',
        `${bitsPerWeight(matrix.bitsPerWeight)}, ${bytes(matrix.sizeBytes)}${embedding && head ? ', the head, too' : ''}`,
      ]),
      [
        'Size',
        `${bytes(r.sizeBytes)}, ${percent(r.sizeBytes / r.fp16SizeBytes)} of ${bytes(r.fp16SizeBytes)} at 16 bits`,
      ],
      ['Refined', r.refinement && refinementText(r.refinement)],
      ['Resumed', r.resumedMatrices > 0 ? `${r.resumedMatrices} matrices of an interrupted run` : undefined],
      ['Time', `${duration(r.durationMs)}, peak memory ${bytes(r.peakMemoryBytes)}`],
      ['Calibration', calibration === undefined ? undefined : shownPath(calibration)],
      ['Project', project],
    ]),
  ].join('\n')
}

function refinementText({ steps, bestStep, samples, heldOut, before, after }: Refinement): string {
  const [from, to] = [before, after].map((kl) => kl.toPrecision(4))
  if (bestStep === 0)
    return `${steps} steps on ${samples} samples, none better on the ${heldOut} held out: nothing is changed`
  return `${steps} steps on ${samples} samples, the best after ${bestStep}; KL on the ${heldOut} held out ${from} → ${to} nats/token`
}
