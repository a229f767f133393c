import { Option, type Command } from 'commander'
import { samplePaths, type EvaluateOutcome } from '../../studio/index.ts'
import type { Precision } from '../../../shared/contract/sidecar/common.ts'
import { fail } from '../../../shared/contract/studio-error.ts'
import { facts, strong } from '../layout.ts'
import { addCommonOptions, integer, precisionOption, type CommonOptions } from '../options.ts'
import { runCommand } from '../session.ts'
import { bytes, duration, percent, perplexity, shownPath } from '../units.ts'

type Options = CommonOptions & {
  text?: string
  sample?: boolean
  window?: number
  limitWindows?: number
  bos?: 'none' | 'text' | 'window'
  against?: string
  precision?: Precision
}

export function registerEvaluate(program: Command): void {
  const command = program
    .command('evaluate')
    .description('measure the perplexity of a checkpoint or of a result')
    .argument('<model>', 'folder of a checkpoint or of a result')
    .addOption(
      new Option('--text <file>', 'text to measure on: a file, a .jsonl, or a folder of them').conflicts('sample'),
    )
    .option('--sample', 'measure on the bundled held-out text')
    .option('--window <tokens>', "tokens in a window (default: 2048, or the model's context)", integer(2, 1_048_576))
    .option('--limit-windows <count>', 'read no more than this many windows', integer(1, 1_000_000_000))
    .addOption(
      new Option('--bos <rule>', 'where a beginning-of-sequence token is put (default: as the tokenizer does)').choices(
        ['none', 'text', 'window'],
      ),
    )
    .option('--against <folder>', 'also measure how far it moved from this model, usually its checkpoint')
    .addOption(precisionOption())
  addCommonOptions(command).action((model: string, options: Options) =>
    runCommand(options, async ({ studio, output, run }) => {
      const { window, limitWindows, bos, against, precision, sample } = options
      const text = options.text ?? (sample ? samplePaths(studio.root).heldoutText : undefined)
      if (text === undefined)
        throw fail('invalid-request', 'There is no text to measure on.', {
          hint: 'Name one with --text, or use --sample.',
        })
      const outcome = await studio.evaluate({ model, text, window, limitWindows, bos, against, precision }, run)
      const { result, ...rest } = outcome
      output.answer({ ...result, ...rest, model, kind: 'evaluate' }, () => evaluationText(outcome, model, against))
    }),
  )
}

function evaluationText(
  { result: r, stamp, project }: EvaluateOutcome,
  model: string,
  against: string | undefined,
): string {
  const { divergence } = r
  return [
    `${strong(shownPath(model))}  perplexity ${strong(perplexity(r.perplexity))}`,
    '',
    facts([
      ['Loss', r.meanNll === undefined ? 'not finite' : `${r.meanNll.toFixed(5)} nats/token`],
      [
        'Against',
        divergence && against !== undefined
          ? `${shownPath(against)}, perplexity ${perplexity(divergence.againstPerplexity)}`
          : undefined,
      ],
      ['Divergence', divergence ? `mean KL ${divergence.klMean.toPrecision(4)} nats/token` : undefined],
      [
        'Agreement',
        divergence ? `${percent(divergence.top1Agreement)} of the likeliest tokens are the same` : undefined,
      ],
      ['Text', `${stamp.textName} (sha256 ${stamp.textHash.slice(0, 12)}…)`],
      [
        'Method',
        `${stamp.windows} windows of ${stamp.windowLength} tokens, ${stamp.tokens} predicted, BOS ${bosText(stamp.bos)}, ${stamp.precision} products`,
      ],
      ['Time', `${duration(r.durationMs)}, peak memory ${bytes(r.peakMemoryBytes)}`],
      ['Project', project],
    ]),
  ].join('\n')
}

function bosText(bos: string): string {
  return bos === 'text' ? 'before the text' : bos === 'window' ? 'before every window' : 'nowhere'
}
