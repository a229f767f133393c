/** Runs the built command line as a person would, and reads what it says. */
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe } from 'vitest'

export const root = dirname(dirname(import.meta.dirname))
export const program = join(root, 'bin', 'squeeze')
export const sampleText = join(root, 'resources', 'sample', 'calibration.txt')

const needs = [
  join(root, 'out', 'main', 'cli.js'),
  process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar'),
]
const missing = needs.filter((path) => !existsSync(path))

/** Like describe; where the studio is not built its tests are skipped, counted, and say why. */
export function describeBuilt(name: string, body: () => void): void {
  if (missing.length > 0) console.warn(`SKIPPED: ${name}: there is no ${missing.join(', ')}`)
  describe.skipIf(missing.length > 0)(name, body)
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test looks at what the command line says, whatever it is
export type Line = { kind: string } & Record<string, any>

export type Run = {
  status: number | null
  stdout: string
  stderr: string
  /** The JSON lines of stdout. */
  lines: Line[]
  last: Line
}

export type Options = {
  env?: Record<string, string>
  cwd?: string
  input?: string
  /** Called with each line of JSON as it comes. */
  onLine?: (line: Line, child: ChildProcess) => void
  onStart?: (child: ChildProcess) => void
}

export function squeeze(args: string[], options: Options = {}): Promise<Run> {
  const child = spawn(process.execPath, [program, ...args], {
    env: { ...process.env, NO_COLOR: '1', ...options.env },
    cwd: options.cwd ?? root,
  })
  child.stdin.on('error', () => undefined)
  child.stdin.end(options.input ?? '')
  options.onStart?.(child)
  return collect(child, options)
}

function collect(child: ChildProcess, { onLine }: Options): Promise<Run> {
  let [stdout, stderr, rest] = ['', '', '']
  const lines: Line[] = []
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    const parts = (rest + text).split('\n')
    rest = parts.pop() ?? ''
    for (const part of parts) {
      if (!part.startsWith('{')) continue
      const line = JSON.parse(part) as Line
      lines.push(line)
      onLine?.(line, child)
    }
  })
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status) => {
      resolve({ status, stdout, stderr, lines, last: lines.at(-1) ?? { kind: 'nothing' } })
    })
  })
}

/** A folder for one test file, gone when it is done. */
export function scratchFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-cli-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Every command in JSON, in a studio's folder of the test file's own. */
export function jsonIn(home: string) {
  return (args: string[], options: Options = {}) => squeeze([...args, '--json', '--home', home], options)
}
