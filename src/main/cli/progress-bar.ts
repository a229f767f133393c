import cliProgress from 'cli-progress'
import type { JobProgress } from '../studio/index.ts'
import { duration, rate } from './units.ts'

export type ProgressView = { show(progress: JobProgress): void; clear(): void }

/** A bar on a terminal; elsewhere one short line for each stage. On stderr, so that stdout stays the answer. */
export function createProgressView(stream: NodeJS.WriteStream = process.stderr): ProgressView {
  return stream.isTTY ? bar(stream) : stageLines(stream)
}

function bar(stream: NodeJS.WriteStream): ProgressView {
  let single: cliProgress.SingleBar | undefined
  return {
    show(progress) {
      const { stage, fraction, rate: speed, rateUnit = '', remainingMs } = progress
      const facts = [
        ...(speed === undefined ? [] : [rate(speed, rateUnit)]),
        ...(remainingMs === undefined ? [] : [`${duration(remainingMs)} left`]),
      ]
      const payload = { stage: stage.padEnd(24), facts: facts.join(', ') }
      if (!single) {
        const look = {
          format: '{stage} {bar} {percentage}%  {facts}',
          barsize: 28,
          hideCursor: true,
          clearOnComplete: true,
        }
        single = new cliProgress.SingleBar(
          { ...look, stream, fps: 10, linewrap: false },
          cliProgress.Presets.shades_classic,
        )
        single.start(1, fraction, payload)
      }
      single.update(fraction, payload)
    },
    clear() {
      single?.stop()
      single = undefined
    },
  }
}

function stageLines(stream: NodeJS.WriteStream): ProgressView {
  let last: string | undefined
  return {
    show({ stage }) {
      if (stage === last) return
      last = stage
      stream.write(`${stage}\n`)
    },
    clear: () => undefined,
  }
}
