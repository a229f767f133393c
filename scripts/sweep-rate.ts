/**
 * How many points a sweep measures in the time that squeezing and evaluating them one by one takes, as Markdown.
 *
 *   node scripts/sweep-rate.ts CKPT[=TEXT] [CKPT[=TEXT] ...] [--pairs 4] [--window N] [--limit-windows N] [--threads N]
 *
 * A grid of sixteen recipes. In each pair, `squeeze sweep` measures all of it, and `squeeze quantize` and `squeeze
 * evaluate --against` measure a part of it one recipe after the other; calibration and table of errors are there before.
 * Windows are those of either command by default, or for both the ones that are named. Besides the clock, the
 * processor's time of the commands and of all that they start is taken, which says more where other programs run.
 */
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const BITS = [2, 3, 4, 5]
const SPARSITIES = [0, 0.0005, 0.0045, 0.02]
const HELD_OUT = 400_000

const root = resolve(import.meta.dirname, '..')
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pairs: { type: 'string', default: '4' },
    window: { type: 'string' },
    'limit-windows': { type: 'string' },
    threads: { type: 'string' },
  },
})
const { pairs } = values
const threads = values.threads === undefined ? [] : ['--threads', values.threads]
const scratch = mkdtempSync(join(tmpdir(), 'squeeze-rate-'))

/** Seconds of one command, and the last thing that it says. */
type Ran = { clock: number; processor: number; last: Record<string, unknown> }

function squeeze(home: string, ...args: string[]): Ran {
  const command = [process.execPath, join(root, 'bin/squeeze'), ...args, '--home', home, ...threads, '--json']
  const times = join(scratch, 'times')
  const shell = ['-c', `TIMEFORMAT='%R %U %S'; { time "$@" 2>/dev/null; } 2>"$0"`, times, ...command]
  const stdout = execFileSync('bash', shell, { encoding: 'utf8', maxBuffer: 1 << 28 })
  const [clock = NaN, user = NaN, system = NaN] = readFileSync(times, 'utf8').trim().split(' ').map(Number)
  return { clock, processor: user + system, last: JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Ran['last'] }
}

const median = (numbers: readonly number[]) => {
  const sorted = [...numbers].sort((a, b) => a - b)
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2
}

function rateOf(argument: string): string {
  const [checkpoint, text] = argument.split('=') as [string, string | undefined]
  const name = basename(resolve(checkpoint))
  let [calibrated, measured] = [join(checkpoint, 'calibration.txt'), join(checkpoint, 'heldout.txt')]
  if (text !== undefined) {
    const whole = readFileSync(text, 'utf8')
    calibrated = join(scratch, `${name}-calibration.txt`)
    measured = join(scratch, `${name}-heldout.txt`)
    writeFileSync(measured, whole.slice(0, HELD_OUT))
    writeFileSync(calibrated, whole.slice(HELD_OUT))
  }
  const prepared = join(scratch, `${name}-prepared`)
  const calibration = ['--text', calibrated, '--length', '256']
  const evaluation = (['window', 'limit-windows'] as const).flatMap((name) => {
    const value = values[name]
    return value === undefined ? [] : [`--${name}`, value]
  })
  squeeze(prepared, 'recipe', checkpoint, ...calibration, '--budget', '12bpw')
  const grid = SPARSITIES.flatMap((sparsity) => BITS.map((bits) => ({ bits, sparsity })))
  const ratios: { clock: number[]; processor: number[] } = { clock: [], processor: [] }
  const rates: { swept: number[]; single: number[] } = { swept: [], single: [] }
  for (let pair = 0; pair < Number(pairs); pair++) {
    const home = join(scratch, `${name}-${pair}`)
    cpSync(prepared, home, { recursive: true })
    const asked = ['--bits', BITS.join(','), '--sparsity', SPARSITIES.join(',')]
    const swept = squeeze(home, 'sweep', checkpoint, ...calibration, ...asked, '--evaluate-on', measured, ...evaluation)
    if (swept.last.fresh !== grid.length) throw new Error('The sweep has not measured every point.')
    const single = { clock: 0, processor: 0 }
    const part = grid.filter((_, index) => index % 4 === pair % 4)
    for (const { bits, sparsity } of part) {
      const out = join(scratch, 'result')
      const recipe = ['--bits', String(bits), '--sparsity', String(sparsity), '--as-published', '--out', out]
      const made = squeeze(home, 'quantize', checkpoint, ...calibration, ...recipe)
      const scored = squeeze(home, 'evaluate', out, '--text', measured, '--against', checkpoint, ...evaluation)
      rmSync(out, { recursive: true })
      single.clock += made.clock + scored.clock
      single.processor += made.processor + scored.processor
    }
    for (const kind of ['clock', 'processor'] as const)
      ratios[kind].push(single[kind] / part.length / (swept[kind] / grid.length))
    rates.swept.push(grid.length / swept.clock)
    rates.single.push(part.length / single.clock)
    process.stderr.write(`${name}, pair ${pair + 1}: ${ratios.clock.at(-1)?.toFixed(2)} times\n`)
    rmSync(home, { recursive: true })
  }
  const shown = [median(rates.single), median(rates.swept), median(ratios.clock), median(ratios.processor)]
  return `| ${name} | ${shown.map((number) => number.toFixed(2)).join(' | ')} |`
}

try {
  const rows = positionals.map(rateOf)
  process.stdout.write(
    [
      '| Model | One by one, points/s | Swept, points/s | Times as many, by the clock | by processor time |',
      '|---|---|---|---|---|',
      ...rows,
      '',
    ].join('\n'),
  )
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
