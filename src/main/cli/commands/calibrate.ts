import type { Command } from 'commander'
import type { CalibrateOutcome, ForecastOutcome } from '../../studio/index.ts'
import { facts, strong, table } from '../layout.ts'
import {
  addCalibrationOptions,
  addCommonOptions,
  calibrationText,
  type CalibrationOptions,
  type CommonOptions,
} from '../options.ts'
import { runCommand } from '../session.ts'
import { bytes, duration, percent, shownPath } from '../units.ts'

type Options = CommonOptions & CalibrationOptions & { out?: string; plan?: boolean }

export function registerCalibrate(program: Command): void {
  const command = program
    .command('calibrate')
    .description('run text through a checkpoint and keep how sensitive every weight is')
    .argument('<checkpoint>', 'folder of a checkpoint')
    .option('--out <folder>', "folder to make (default: in the studio's folder)")
    .option('--plan', 'say what it would need of memory, disk and time, and make nothing')
  addCommonOptions(addCalibrationOptions(command)).action((checkpoint: string, options: Options) =>
    runCommand(options, async ({ studio, output, run }) => {
      const { samples, length, estimator, precision, out } = options
      const text = calibrationText(studio, options)
      const request = { checkpoint, text, samples, length, estimator, precision, out }
      if (options.plan) {
        const forecast = await studio.forecastCalibration(request, run)
        return output.answer({ kind: 'calibration-plan', ...forecast }, () => forecastText(forecast))
      }
      const outcome = await studio.calibrate(request, run)
      const { result, project } = outcome
      if (samples !== undefined && result.samples < samples) {
        output.note(`The text holds ${result.samples} samples of ${result.length} tokens, not ${samples}.`)
      }
      const line = { ...result, kind: 'calibrate', text: outcome.text, ...(project ? { project } : {}) }
      output.answer(line, () => outcomeText(outcome))
    }),
  )
}

const SHOWN = 8

function outcomeText({ result: r, text, project }: CalibrateOutcome): string {
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

function forecastText({
  plan: p,
  text,
  samples,
  length,
  device,
  estimator,
  precision,
  memoryLimitBytes,
}: ForecastOutcome) {
  const limit = memoryLimitBytes > 0 ? `, limited to ${bytes(memoryLimitBytes)}` : ''
  const kept = `${bytes(p.activationBytes)} of activations ${p.activationsOnDisk ? 'in a scratch file' : 'among it'}`
  const time =
    p.durationMs === undefined
      ? 'not known before it runs on a GPU'
      : `about ${duration(p.durationMs)}, from the speed of this machine just now`
  return [
    strong('What the calibration would need'),
    '',
    facts([
      ['Text', `${text.name}, ${text.exact ? '' : 'about '}${text.tokens.toLocaleString('en-US')} tokens`],
      ['Samples', `${samples} × ${length} tokens, of ${text.exact ? '' : 'about '}${text.samples} in the text`],
      ['Estimator', estimator],
      ['Products', `${precision} on ${device}`],
      ['Memory', `${bytes(p.memoryBytes)} (${bytes(p.freeMemoryBytes)} free${limit}), ${kept}`],
      ['Files read', `${bytes(p.mappedBytes)} in place, which the system takes back where memory is short`],
      ['GPU memory', p.gpuMemoryBytes === undefined ? undefined : bytes(p.gpuMemoryBytes)],
      ['Disk', `${bytes(p.diskBytes)} at most (${bytes(p.freeDiskBytes)} free), ${bytes(p.resultBytes)} in the end`],
      ['Time', time],
    ]),
    '',
    ...(p.problems.length === 0
      ? ['It fits.']
      : p.problems.flatMap(({ blocks, message, hint }) => [
          `${strong('!')} ${message}${blocks ? '' : ' It can be started all the same.'}`,
          `  ${hint}`,
        ])),
  ].join('\n')
}
