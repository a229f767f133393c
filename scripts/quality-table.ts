/**
 * Perplexity and true bits per weight of every method, width and sparsity on one or more checkpoints, as Markdown.
 *
 *   node scripts/quality-table.ts CKPT=TEXT [CKPT=TEXT ...] [--window 256] [--limit-windows 60] [--out FILE]
 *     [--method RTN|squeezellm|...] [--bits 4,3,2] [--sparsity 0,0.0005,...] [--refine STEPS [--outliers loss-aware]]
 *
 * The first 400,000 characters of TEXT are for perplexity, the rest for calibration, so the two never share text. Where
 * CKPT has its own `heldout.txt` and `calibration.txt`, TEXT is left out. Each cell is one `squeeze quantize` and one
 * `squeeze evaluate`; nothing is taken from a table. With --refine, cells are those of the paper's recipe, or of the
 * other outliers, each as it is and refined in so many steps on the calibration text.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const root = resolve(import.meta.dirname, '..')
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    window: { type: 'string', default: '256' },
    'limit-windows': { type: 'string', default: '60' },
    samples: { type: 'string', default: '100' },
    method: { type: 'string' },
    bits: { type: 'string', default: '4,3,2' },
    sparsity: { type: 'string', default: '0,0.0005,0.0045,0.01' },
    refine: { type: 'string' },
    outliers: { type: 'string', default: 'paper' },
    out: { type: 'string' },
  },
})
if (positionals.length === 0) throw new Error('usage: quality-table.ts CKPT[=TEXT] ...')

/** Runs one command of the studio and returns its last JSON line. */
function squeeze(...args: string[]): Record<string, unknown> {
  const stdout = execFileSync(process.execPath, [join(root, 'bin/squeeze'), ...args, '--json', '--no-project'], {
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  return JSON.parse(stdout.trimEnd().split('\n').at(-1)!) as Record<string, unknown>
}

interface Cell {
  label: string
  bits: number
  sparsity: number
  rule: string
  weighted: boolean
  flags: string[]
}

const [widths, sparsities] = [values.bits, values.sparsity].map((list) => list.split(',').map(Number)) as [
  number[],
  number[],
]

/** Sensitivity-weighted codebooks in pairs: as they are, and refined. */
function pairs(refine: string): Cell[] {
  return widths.flatMap((bits) =>
    sparsities.flatMap((sparsity) =>
      ['0', refine].map((steps) => ({
        label: steps === '0' ? 'squeezellm' : `squeezellm, refined`,
        bits,
        sparsity,
        rule: sparsity === 0 ? '' : values.outliers,
        weighted: true,
        flags: ['--method', 'squeezellm', '--outliers', values.outliers, '--refine', steps],
      })),
    ),
  )
}

/** Every cell of the table: RTN dense; codebooks without and with sensitivity × sparsity × outlier rule. */
function cells(): Cell[] {
  const list: Cell[] = []
  for (const bits of widths) {
    list.push({ label: 'RTN', bits, sparsity: 0, rule: '', weighted: false, flags: ['--method', 'rtn'] })
    for (const [label, weighted] of [
      ['k-means, unweighted', false],
      ['squeezellm', true],
    ] as const) {
      for (const sparsity of sparsities) {
        for (const rule of sparsity === 0 ? ['paper'] : ['paper', 'loss-aware']) {
          const flags = [
            '--method',
            'squeezellm',
            '--outliers',
            rule,
            '--refine',
            '0',
            ...(weighted ? [] : ['--unweighted']),
          ]
          list.push({ label, bits, sparsity, rule: sparsity === 0 ? '' : rule, weighted, flags })
        }
      }
    }
  }
  return list.filter(({ label }) => values.method === undefined || values.method === label)
}

const scratch = mkdtempSync(join(tmpdir(), 'squeeze-quality-'))
const sections: string[] = []
try {
  for (const argument of positionals) {
    const [checkpoint, text] = argument.split('=') as [string, string | undefined]
    const name = basename(resolve(checkpoint))
    const work = join(scratch, name)
    mkdirSync(work)
    let evaluation = join(checkpoint, 'heldout.txt')
    let calibrationText = join(checkpoint, 'calibration.txt')
    if (text) {
      const whole = readFileSync(text, 'utf8')
      evaluation = join(work, 'evaluation.txt')
      calibrationText = join(work, 'calibration.txt')
      writeFileSync(evaluation, whole.slice(0, 400_000))
      writeFileSync(calibrationText, whole.slice(400_000))
    } else if (!existsSync(evaluation)) throw new Error(`${checkpoint} has no heldout.txt; give CKPT=TEXT`)

    const calibration = join(work, 'calibration')
    const length = values.window
    squeeze(
      'calibrate',
      checkpoint,
      '--text',
      calibrationText,
      '--samples',
      values.samples,
      '--length',
      length,
      '--out',
      calibration,
    )
    const evaluate = (model: string) =>
      squeeze(
        'evaluate',
        model,
        '--text',
        evaluation,
        '--window',
        values.window,
        '--limit-windows',
        values['limit-windows'],
        '--against',
        checkpoint,
      )

    const full = evaluate(checkpoint)
    const rows = [
      `| full precision | – | – | – | – | ${(full.perplexity as number).toFixed(3)} | – | – |${values.refine === undefined ? '' : ' – |'}`,
    ]
    for (const cell of values.refine === undefined ? cells() : pairs(values.refine)) {
      const out = join(work, 'result')
      const made = squeeze(
        'quantize',
        checkpoint,
        ...cell.flags,
        '--bits',
        String(cell.bits),
        '--sparsity',
        String(cell.sparsity),
        ...(cell.weighted ? ['--calibration', calibration] : []),
        '--out',
        out,
      )
      const measured = evaluate(out)
      rmSync(out, { recursive: true })
      const perplexity = measured.perplexity as number | undefined
      rows.push(
        `| ${cell.label} | ${cell.bits} | ${(cell.sparsity * 100).toFixed(2)} % | ${cell.rule || '–'} | ` +
          `${(made.bitsPerWeight as number).toFixed(2)} | ${perplexity?.toFixed(3) ?? 'diverged'} | ` +
          `${perplexity === undefined ? '–' : (perplexity - (full.perplexity as number)).toFixed(3)} | ` +
          `${((measured.divergence as { klMean: number } | undefined)?.klMean ?? NaN).toFixed(4)} |` +
          (values.refine === undefined ? '' : ` ${((made.durationMs as number) / 1000).toFixed(1)} |`),
      )
      process.stderr.write(`${name}: ${rows.at(-1)}\n`)
    }
    sections.push(
      [
        `### ${name}`,
        '',
        `${String(full.tokens)} predicted tokens, windows of ${values.window}; calibration ${values.samples} × ${length} tokens of other text.`,
        '',
        '| Method | Bits | Sparsity | Outliers | Bits per weight | Perplexity | More than at full precision | KL (nats) |' +
          (values.refine === undefined ? '' : ' Time (s) |'),
        `|---|---|---|---|---|---|---|---|${values.refine === undefined ? '' : '---|'}`,
        ...rows,
      ].join('\n'),
    )
  }
} finally {
  rmSync(scratch, { recursive: true, force: true })
}
const document = sections.join('\n\n') + '\n'
if (values.out) writeFileSync(values.out, document)
else process.stdout.write(document)
