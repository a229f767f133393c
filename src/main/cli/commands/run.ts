import type { Command } from 'commander'
import { fail } from '../../../shared/contract/studio-error.ts'
import { DEFAULT_RECIPE, PUBLISHED_RECIPE } from '../../../shared/recipe/default-recipe.ts'
import type { MainJobOutcome } from '../../studio/index.ts'
import { facts, strong, table } from '../layout.ts'
import {
  addCommonOptions,
  addQualityOptions,
  fraction,
  integer,
  qualityFields,
  type CommonOptions,
  type QualityOptions,
} from '../options.ts'
import { recipeText } from '../recipe-text.ts'
import { runCommand } from '../session.ts'
import { bytes, digits, percent, perplexity, shownPath } from '../units.ts'

type Options = CommonOptions & QualityOptions & { bits: number; sparsity: number; text?: string; evaluateOn?: string }

export function registerRun(program: Command): void {
  const command = program
    .command('run')
    .description('the main job: calibrate, squeeze, and measure before and after; takes over what is already done')
    .argument('<checkpoint>', 'folder of a checkpoint')
    .option('--bits <bits>', 'bits of an index, 2 to 8', integer(2, 8), DEFAULT_RECIPE.bits)
    .option(
      '--sparsity <fraction>',
      'share of the weights kept exactly: 0.0045 or 0.45%',
      fraction(0.2),
      DEFAULT_RECIPE.sparsity,
    )
  addQualityOptions(command)
    .option('--text <file>', 'text to calibrate on (default: the bundled sample text)')
    .option('--evaluate-on <file>', 'text to measure on (default: the bundled held-out text)')
  addCommonOptions(command).action((checkpoint: string, options: Options) =>
    runCommand(options, async ({ studio, output, run }) => {
      if (run.record === false) {
        throw fail('invalid-request', '"run" keeps its pieces in a project, so it does not go with --no-project.', {
          hint: 'Use quantize and evaluate, or another folder with --home.',
        })
      }
      const { bits, sparsity, text, evaluateOn } = options
      const recipe = qualityFields({ ...PUBLISHED_RECIPE, bits, sparsity }, options)
      const outcome = await studio.mainJob({ checkpoint, recipe, text, evaluateOn }, run)
      output.answer({ kind: 'run', ...outcome, checkpoint: outcome.checkpoint.path }, () => mainJobText(outcome))
    }),
  )
}

function mainJobText(o: MainJobOutcome): string {
  const { checkpoint: c, before, after, stamp } = o
  const both = before.perplexity !== undefined && after.perplexity !== undefined
  const cost = both ? signed((after.perplexity ?? 0) / (before.perplexity ?? 1) - 1) : ''
  // A checkpoint in 32 bits halves before anything is squeezed; say what the squeezing itself did.
  const halved = o.checkpointSizeBytes > 1.2 * o.fp16SizeBytes
  const taken = Object.entries(o.reused).flatMap(([piece, reused]) => (reused ? [piece] : []))
  return [
    `${strong(o.project.slug)}  ${recipeText(o.recipe)}`,
    '',
    table(
      [
        ['', 'Before', 'After', 'Change'],
        row('Size', o.checkpointSizeBytes, o.sizeBytes, bytes),
        ...(halved ? [row('Size from 16 bits', o.fp16SizeBytes, o.sizeBytes, bytes)] : []),
        row('Bits per weight', c.bitsPerWeight, o.bitsPerWeight, digits),
        ['Perplexity', perplexity(before.perplexity), perplexity(after.perplexity), cost],
      ],
      ['left', 'right', 'right', 'right'],
    ),
    '',
    facts([
      [
        'Measured on',
        `${stamp.textName}, ${stamp.windows} windows of ${stamp.windowLength} tokens, BOS ${stamp.bos}, ${stamp.precision}`,
      ],
      ['Divergence', after.klMean === undefined ? undefined : `mean KL ${after.klMean.toPrecision(4)} nats/token`],
      [
        'Agreement',
        after.top1Agreement === undefined
          ? undefined
          : `${percent(after.top1Agreement)} of the likeliest tokens are the same`,
      ],
      ...(o.calibration === undefined ? [] : [['Calibration', shownPath(o.calibration)] as [string, string]]),
      ['Result', shownPath(o.out)],
      ['Taken over', taken.length > 0 ? `${taken.join(', ')} of an earlier run` : undefined],
    ]),
  ].join('\n')
}

function row(name: string, before: number, after: number, text: (value: number) => string): string[] {
  return [name, text(before), text(after), signed(after / before - 1)]
}

function signed(change: number): string {
  return `${change < 0 ? '−' : '+'}${percent(Math.abs(change))}`
}
