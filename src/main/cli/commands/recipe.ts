import { Option, type Command } from 'commander'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { Budget } from '../../../shared/sweep/budget.ts'
import { limitsOf } from '../../../shared/sweep/choices.ts'
import { BASE } from '../../../shared/sweep/outlook.ts'
import { choiceOf, KEPT_BITS } from '../../../shared/sweep/plan.ts'
import type { RecipeOutcome } from '../../studio/index.ts'
import { facts, strong, table } from '../layout.ts'
import {
  addCalibrationOptions,
  addCommonOptions,
  calibrationText,
  integer,
  outliersOption,
  type CalibrationOptions,
  type CommonOptions,
} from '../options.ts'
import { writeNew } from '../new-file.ts'
import { recipeText } from '../recipe-text.ts'
import { runCommand } from '../session.ts'
import { bytes, percent, shownPath } from '../units.ts'
import { budget } from './sweep.ts'

type Options = CommonOptions &
  CalibrationOptions & {
    budget: Budget
    bits?: number[]
    outliers?: Recipe['outliers']
    calibration?: string
    keep?: string[]
    sameInLayer?: boolean
    out?: string
  }

export function registerRecipe(program: Command): void {
  const command = program
    .command('recipe')
    .description('allot bits and kept weights to every matrix within a budget; "quantize --recipe" takes the file')
    .argument('<checkpoint>', 'folder of a checkpoint')
    .addOption(
      new Option('--budget <size>', 'of the matrices in bits per weight, or of all weights: 3.25bpw, 40MB')
        .argParser(budget)
        .makeOptionMandatory(),
    )
    .option('--bits <list>', 'widths that may be used; 16: left as it is (default: 2 to 8, 16)', widths)
    .addOption(outliersOption(BASE.outliers))
    .addOption(
      new Option('--calibration <folder>', 'calibration of the project to use').conflicts([
        'text',
        'sample',
        'wikitext',
      ]),
    )
    .option('--keep <pattern...>', 'matrices that stay at 16 bits: "*.o_proj"')
    .option('--same-in-layer', 'every matrix of a layer gets the same')
    .option('--out <file>', 'recipe to write')
  addCommonOptions(addCalibrationOptions(command)).action((checkpoint: string, options: Options) =>
    runCommand(options, async ({ studio, output, run }) => {
      const { samples, length, estimator, precision, calibration, outliers } = options
      const { budget: wanted, bits, keep, sameInLayer, out } = options
      const limits = limitsOf({ allowedBits: bits, keep: keep ?? [], sameInLayer: sameInLayer ?? false })
      const text = calibrationText(studio, options)
      const ground = { checkpoint, text, samples, length, estimator, precision, calibration, outliers }
      const outcome = await studio.allocate({ ...ground, budget: wanted, limits }, run)
      if (out !== undefined) writeNew(out, `${JSON.stringify(outcome.recipe, null, 2)}\n`)
      output.answer({ ...outcome, kind: 'recipe', ...(out === undefined ? {} : { out }) }, () =>
        allocationText(outcome, out),
      )
    }),
  )
}

function allocationText({ recipe, cost, lowerBound, matrices }: RecipeOutcome, out: string | undefined): string {
  const above = lowerBound > 0 ? cost.objective / lowerBound - 1 : 0
  return [
    `${strong(recipeText(recipe))}`,
    '',
    facts([
      ['Size', `${bytes(cost.sizeBytes)}, matrices ${cost.bitsPerWeight.toFixed(3)} bits/weight`],
      ['Objective', `${cost.objective.toPrecision(5)}, at most ${percent(above)} above the least possible`],
      ['Written', out === undefined ? undefined : shownPath(out)],
    ]),
    '',
    layerTable(recipe, matrices),
  ].join('\n')
}

/** Bits by layer and kind of matrix; a dot where something is kept exactly. */
function layerTable(recipe: Recipe, matrices: RecipeOutcome['matrices']): string {
  const roles = [...new Set(matrices.map(({ role }) => role))]
  const layers = [...new Set(matrices.map(({ layer }) => layer))]
  const cell = (layer: number, role: string) => {
    const matrix = matrices.find((one) => one.layer === layer && one.role === role)
    if (!matrix) return ''
    const { bits, sparsity } = choiceOf(recipe, matrix.name)
    return sparsity > 0 ? `${bits} + ${percent(sparsity)}` : String(bits)
  }
  return table(
    [['Layer', ...roles], ...layers.map((layer) => [String(layer), ...roles.map((role) => cell(layer, role))])],
    ['right', ...roles.map(() => 'right' as const)],
  )
}

function widths(text: string): number[] {
  const width = integer(2, 8)
  return text.split(',').map((item) => (item === String(KEPT_BITS) ? KEPT_BITS : width(item)))
}
