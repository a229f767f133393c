import type { Command } from 'commander'
import type { CalibrateOutcome } from '../../studio/index.ts'
import { facts, strong, table } from '../layout.ts'
import { addCalibrationOptions, addCommonOptions, type CalibrationOptions, type CommonOptions } from '../options.ts'
import { runCommand } from '../session.ts'
import { bytes, duration, percent, shownPath } from '../units.ts'

type Options = CommonOptions & CalibrationOptions & { out?: string }

export function registerCalibrate(program: Command): void {
  const command = program
    .command('calibrate')
    .description('run text through a checkpoint and keep how sensitive every weight is')
    .argument('<checkpoint>', 'folder of a checkpoint')
    .option('--out <folder>', "folder to make (default: in the studio's folder)")
  addCommonOptions(addCalibrationOptions(command)).action((checkpoint: string, options: Options) =>
    runCommand(options, async ({ studio, output, run }) => {
      const { text, samples, length, estimator, precision, out } = options
      const outcome = await studio.calibrate({ checkpoint, text, samples, length, estimator, precision, out }, run)
      const { result, project } = outcome
      if (samples !== undefined && result.samples < samples) {
        output.note(`The text holds ${result.samples} samples of ${result.length} tokens, not ${samples}.`)
      }
      const line = { ...result, kind: 'calibrate', text: outcome.text, ...(project ? { project } : {}) }
      output.answer(line, () => calibrationText(outcome))
    }),
  )
}

const SHOWN = 8

function calibrationText({ result: r, text, project }: CalibrateOutcome): string {
  const total = r.matrices.reduce((sum, { weighted }) => sum + weighted, 0)
  const top = r.matrices.toSorted((a, b) => b.weighted - a.weighted).slice(0, SHOWN)
  return [
    `${strong(shownPath(r.out))}  calibration`,
    '',
    facts([
      ['Text', `${text.name}, ${r.samples} × ${r.length} tokens`],
      ['Estimator', r.estimator],
      ['Products', r.precision],
      ['Loss', `${r.loss.toFixed(4)} nats/token (perplexity ${Math.exp(r.loss).toFixed(3)})`],
      ['Size', bytes(r.sizeBytes)],
      ['Time', `${duration(r.durationMs)}, peak memory ${bytes(r.peakMemoryBytes)}`],
      ['Project', project],
    ]),
    '',
    '  Most sensitive matrices, by ΣF·w²',
    table(
      [
        ['Matrix', 'Shape', 'Share'],
        ...top.map((m) => [m.name, `${m.rows} × ${m.cols}`, percent(total > 0 ? m.weighted / total : 0)]),
      ],
      ['left', 'left', 'right'],
    ),
  ].join('\n')
}
