import { styleText } from 'node:util'
import type { ErrorInfo } from '../../shared/contract/errors.ts'
import type { JobProgress } from '../studio/index.ts'
import { createProgressView } from './progress-bar.ts'

/** Where a command says things: for a person, or as JSON lines for a program. */
export type Output = {
  json: boolean
  progress(progress: JobProgress): void
  /** A remark beside the answer. */
  note(text: string): void
  /** One line that is not the last one; JSON only. */
  event(line: { kind: string } & Record<string, unknown>): void
  /** The answer: the text for a person, or the object as the last line. */
  answer(line: { kind: string } & Record<string, unknown>, text: () => string): void
  error(info: ErrorInfo): void
  /** Takes the bar off the screen. */
  clear(): void
}

export function createOutput(json: boolean): Output {
  return json ? jsonOutput() : humanOutput()
}

function humanOutput(): Output {
  const view = createProgressView()
  return {
    json: false,
    progress: (progress) => view.show(progress),
    clear: () => view.clear(),
    note(text) {
      view.clear()
      process.stderr.write(`${text}\n`)
    },
    event: () => undefined,
    answer(_line, text) {
      view.clear()
      process.stdout.write(`${text()}\n`)
    },
    error(info) {
      view.clear()
      process.stderr.write(`${errorText(info)}\n`)
    },
  }
}

function jsonOutput(): Output {
  const write = (line: object) => void process.stdout.write(`${JSON.stringify(line)}\n`)
  return {
    json: true,
    progress: (progress) => write({ kind: 'progress', ...progress }),
    clear: () => undefined,
    note: (text) => void process.stderr.write(`${text}\n`),
    event: write,
    answer: (line) => write(line),
    error: (info) => write({ kind: 'error', ...info }),
  }
}

function errorText(info: ErrorInfo): string {
  const red = (text: string) => styleText('red', text, { stream: process.stderr })
  const where = [
    ...(info.stage === undefined ? [] : [`stage: ${info.stage}`]),
    ...(info.layer === undefined ? [] : [`layer: ${info.layer}`]),
    ...(info.tensor === undefined || info.message.includes(info.tensor) ? [] : [`tensor: ${info.tensor}`]),
  ]
  return [
    info.code === 'cancelled' ? info.message : `${red('error')} ${info.message}`,
    ...(where.length > 0 ? [`      ${where.join(', ')}`] : []),
    ...(info.hint === undefined ? [] : [`      ${info.hint}`]),
  ].join('\n')
}
