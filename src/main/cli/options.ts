import { InvalidArgumentError, Option, type Command } from 'commander'
import { fail } from '../../shared/contract/studio-error.ts'
import { MEMORY_HINT, parseMemory } from '../../shared/memory-limit.ts'
import type { Precision } from '../../shared/contract/sidecar/common.ts'
import type { Recipe } from '../../shared/contract/sidecar/quantization.ts'
import { DEFAULT_RECIPE, PUBLISHED_RECIPE, REFINEMENT_STEPS, refinable } from '../../shared/recipe/default-recipe.ts'
import type { Studio } from '../studio/index.ts'

/** Options that every command takes. */
export type CommonOptions = {
  json?: boolean
  home?: string
  /** False with --no-project. */
  project?: boolean
  device?: string
  threads?: number
  memory?: string
}

export function addCommonOptions(command: Command): Command {
  return command
    .option('--device <device>', 'cpu, cuda:<index>, or auto: the first GPU that works', device, 'auto')
    .option('--threads <count>', 'threads to compute with (default: one per physical core)', integer(1, 1024))
    .option('--memory <limit>', 'memory that a job may take: 8GB, 50% of the machine, or auto (default: auto)', memory)
    .option(
      '--home <folder>',
      "the studio's folder (default: SQUEEZE_HOME, or where the system keeps a program's data)",
    )
    .option('--no-project', "leave no record in the studio's folder")
    .option('--json', 'JSON lines on stdout: progress, then one object with the answer')
}

/** Options that say how to calibrate. */
export type CalibrationOptions = {
  text?: string
  sample?: boolean
  wikitext?: boolean
  samples?: number
  length?: number
  estimator?: 'sample' | 'token'
  precision?: Precision
}

export function addCalibrationOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--text <file>', 'text to calibrate on: a file, a .jsonl, or a folder of them').conflicts([
        'sample',
        'wikitext',
      ]),
    )
    .addOption(
      new Option(
        '--wikitext',
        'calibrate on the training part of WikiText-2 raw, where it is found (see docs/cli.md)',
      ).conflicts('sample'),
    )
    .option('--sample', 'calibrate on the bundled sample text (default)')
    .option('--samples <count>', 'sequences to read (default: 100)', integer(1, 1_000_000))
    .option('--length <tokens>', "tokens in each (default: 512, or the checkpoint's context)", integer(2, 1_048_576))
    .addOption(
      new Option(
        '--estimator <kind>',
        'squared gradients of a whole sequence, or of each token (default: sample)',
      ).choices(['sample', 'token']),
    )
    .addOption(precisionOption())
}

export type QualityOptions = { outliers?: Recipe['outliers']; refine?: number; asPublished?: true }

/** Options that say what is done beyond clustering once. */
export function addQualityOptions(command: Command): Command {
  return command
    .addOption(outliersOption(DEFAULT_RECIPE.outliers))
    .addOption(
      new Option(
        '--refine <steps>',
        `steps of gradient descent on the codebooks, after clustering (default: ${REFINEMENT_STEPS} where a codebook serves one row and a calibration is used)`,
      ).argParser(integer(0, 10_000)),
    )
    .addOption(
      new Option('--as-published', 'as SqueezeLLM has it: --outliers paper --refine 0').conflicts([
        'outliers',
        'refine',
      ]),
    )
}

/** `usual` is what holds where nothing is said; the use case knows it, too. */
export function outliersOption(usual: Recipe['outliers']): Option {
  return new Option('--outliers <rule>', `how the kept weights are chosen (default: ${usual})`).choices([
    'paper',
    'loss-aware',
  ])
}

/** The fields of a recipe that those options ask for. */
export function qualityFields<R extends Partial<Recipe>>(
  recipe: R,
  { outliers, refine, asPublished }: QualityOptions,
): R & Pick<Recipe, 'outliers' | 'refine'> {
  const usual = asPublished ? PUBLISHED_RECIPE : DEFAULT_RECIPE
  const steps = refine ?? (!asPublished && refinable(recipe) ? REFINEMENT_STEPS : 0)
  return { ...recipe, outliers: outliers ?? usual.outliers, ...(steps > 0 ? { refine: steps } : {}) }
}

export function precisionOption(): Option {
  return new Option('--precision <type>', 'of the factors of products: bf16 is faster, where the processor has it')
    .choices(['fp32', 'bf16'])
    .default('fp32')
}

function device(text: string): string {
  if (/^(auto|cpu|cuda:\d+)$/.test(text)) return text
  throw new InvalidArgumentError('Expected cpu, cuda:0, cuda:1, …, or auto.')
}

function memory(text: string): string {
  if (parseMemory(text, 1) !== undefined) return text
  throw new InvalidArgumentError(`Expected ${MEMORY_HINT}.`)
}

export function integer(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^-?\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
  }
}

export function decimal(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text.trim() !== '' && value >= min && value <= max) return value
    throw new InvalidArgumentError(`Expected a number from ${min} to ${max}.`)
  }
}

/** "0.0045" or "0.45%"; `why` is said of what is above the limit. */
export function fraction(max: number, why = ''): (text: string) => number {
  return (text) => {
    const bare = text.replace(/%$/, '')
    const value = Number(bare) / (bare === text ? 1 : 100)
    if (bare.trim() !== '' && value >= 0 && value <= max) return Number(value.toPrecision(12))
    const tooMuch = value > max && why !== '' ? ` ${why}` : ''
    throw new InvalidArgumentError(
      `Expected a fraction from 0 to ${max}, or a percentage up to ${100 * max}%, such as 0.45%.${tooMuch}`,
    )
  }
}

/** The text that the options name; absent: the bundled sample. */
export function calibrationText(studio: Studio, { text, wikitext }: CalibrationOptions): string | undefined {
  if (!wikitext) return text
  const found = studio.wikiText()
  if (found !== undefined) return found
  throw fail('file-not-found', 'There is no WikiText-2 raw in the usual places.', {
    hint: 'Unpack its archive as wikitext-2-raw in your home or in its folder datasets or Downloads, or name it with --text.',
  })
}
