import { InvalidArgumentError, Option, type Command } from 'commander'
import type { Budget } from '../../../shared/sweep/budget.ts'
import { parseBudget } from '../../../shared/sweep/budget.ts'
import { frontOf } from '../../../shared/sweep/grid.ts'
import { BASE } from '../../../shared/sweep/outlook.ts'
import type { SweepOutcome, SweptPoint } from '../../studio/index.ts'
import { facts, strong, table } from '../layout.ts'
import {
  addCalibrationOptions,
  addCommonOptions,
  calibrationText,
  fraction,
  integer,
  outliersOption,
  type CalibrationOptions,
  type CommonOptions,
} from '../options.ts'
import { refuseExisting, writeNew } from '../new-file.ts'
import { readRecipe } from '../recipe-file.ts'
import { recipeText } from '../recipe-text.ts'
import { runCommand } from '../session.ts'
import { bytes, perplexity, shownPath } from '../units.ts'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'

type Options = CommonOptions &
  CalibrationOptions & {
    bits: number[]
    sparsity: number[]
    outliers?: Recipe['outliers']
    calibration?: string
    adaptive?: number
    budget?: Budget[]
    recipe?: string[]
    evaluateOn?: string
    window?: number
    limitWindows?: number
    report?: string
  }

const MOST_WINDOWS = 1_000_000_000

export function registerSweep(program: Command): void {
  const command = program
    .command('sweep')
    .description('measure many recipes without writing them, and see which are worth their size')
    .argument('<checkpoint>', 'folder of a checkpoint')
    .option('--bits <list>', 'widths of the grid', list(integer(2, 8)), [2, 3, 4])
    .option(
      '--sparsity <list>',
      'shares kept exactly',
      list(fraction(0.05, 'A sweep ends there: more bits buy more than more kept weights do.')),
      [0, 0.0005, 0.0045, 0.02],
    )
    .addOption(outliersOption(BASE.outliers))
    .option('--adaptive <count>', 'measure this many of the grid, each where the front is known least', integer(1, 256))
    .option('--budget <list>', 'also allot bits to these: 3.25bpw, 40MB, 3.5GB', list(budget))
    .option('--recipe <file...>', 'also measure these recipes')
    .addOption(
      new Option('--calibration <folder>', 'calibration of the project to use').conflicts([
        'text',
        'sample',
        'wikitext',
      ]),
    )
    .option('--evaluate-on <file>', 'text to measure on (default: the bundled held-out text)')
    .option('--window <tokens>', "tokens in a window (default: 2048, or the model's context)", integer(2, 1_048_576))
    .option(
      '--limit-windows <count>',
      'read no more than this many windows, or "all" (default: those of 16,384 tokens, which tell recipes apart)',
      (text) => (text === 'all' ? MOST_WINDOWS : integer(1, MOST_WINDOWS)(text)),
    )
    .option('--report <file>', 'also write all that is known of the sweep as an HTML page that stands alone')
  addCommonOptions(addCalibrationOptions(command)).action((checkpoint: string, options: Options) =>
    runCommand(options, async ({ studio, output, run }) => {
      const { report } = options
      // Before the work, not after it.
      if (report !== undefined) refuseExisting(report)
      const { samples, length, estimator, precision, calibration, outliers } = options
      const {
        bits,
        sparsity: sparsities,
        budget: budgets,
        recipe,
        adaptive,
        evaluateOn,
        window,
        limitWindows,
      } = options
      const recipes = recipe?.map(readRecipe)
      const text = calibrationText(studio, options)
      const ground = { checkpoint, text, samples, length, estimator, precision, calibration, outliers }
      const plan = { evaluateOn, window, limitWindows }
      const outcome = await studio.sweep({ ...ground, ...plan, bits, sparsities, adaptive, budgets, recipes }, run)
      if (report !== undefined) {
        const part = { calibration: outcome.calibration, outliers, stampKey: outcome.stamp.key }
        writeNew(report, studio.sweepReport(outcome.projectId, part))
      }
      output.answer({ ...outcome, kind: 'sweep', ...(report === undefined ? {} : { report }) }, () =>
        sweepText(outcome, checkpoint, report),
      )
    }),
  )
}

function list<T>(item: (text: string) => T): (text: string) => T[] {
  return (text) => text.split(',').map(item)
}

export function budget(text: string): Budget {
  const found = parseBudget(text)
  if (found) return found
  throw new InvalidArgumentError('Expected bits per weight or bytes, such as 3.25bpw, 40MB or 3.5GB.')
}

function sweepText(
  { points, referencePerplexity, predictor, stamp, fresh, pointsPerSecond }: SweepOutcome,
  checkpoint: string,
  report?: string,
): string {
  const sized = points.map((point) => ({
    point,
    sizeBytes: point.measured.sizeBytes,
    deltaNll: point.deltaNll ?? Infinity,
  }))
  const front = new Set(frontOf(sized).map(({ point }) => point))
  const sorted = sized.sort((a, b) => a.sizeBytes - b.sizeBytes).map(({ point }) => point)
  const base = referencePerplexity
  return [
    `${strong(shownPath(checkpoint))}  perplexity ${strong(perplexity(base))}, ${points.length} recipes measured, ${fresh} of them now`,
    '',
    table(
      [
        ['', 'Size', 'Bits/weight', 'Perplexity', 'Predicted', 'KL', 'Recipe'],
        ...sorted.map((point) => pointRow(point, front.has(point), base)),
      ],
      ['left', 'right', 'right', 'right', 'right', 'right', 'left'],
    ),
    '',
    facts([
      ['*', 'nothing measured is both smaller and better'],
      [
        'Predicted',
        `by Δloss = ${predictor.scale.toPrecision(3)} · (½ΣFδ²/T)^${predictor.exponent.toFixed(2)}, fitted to these`,
      ],
      ['Measured', pointsPerSecond === undefined ? undefined : `${pointsPerSecond.toPrecision(2)} recipes a second`],
      ['Text', `${stamp.textName}, ${stamp.windows} windows of ${stamp.windowLength} tokens`],
      ['Report', report === undefined ? undefined : shownPath(report)],
    ]),
  ].join('\n')
}

function pointRow({ recipe, measured, predicted }: SweptPoint, onFront: boolean, base: number | undefined): string[] {
  return [
    onFront ? '*' : '',
    bytes(measured.sizeBytes),
    measured.bitsPerWeight.toFixed(2),
    perplexity(measured.perplexity),
    predicted ? (base === undefined ? '' : perplexity(base * Math.exp(predicted.deltaNll))) : 'not predicted',
    measured.klMean === undefined ? '' : measured.klMean.toFixed(4),
    recipeText(recipe),
  ]
}
