/**
 * What the arithmetic of generating does to perplexity, at 3 and 4 bits with 0.45 % kept, as Markdown.
 *
 *   node scripts/decode-arithmetic.ts CKPT[=TEXT] [CKPT[=TEXT] ...]
 *
 * The first 400,000 characters of TEXT are for perplexity, the rest for calibration; a CKPT with a `heldout.txt` and a
 * `calibration.txt` of its own needs none. Wants build/bench/arithmetic_bench, which `npm run bench` builds.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { evaluationWindows, loadTokenizer } from '../src/main/text/index.ts'
import { writeTokens } from '../src/main/text/token-file.ts'

const HELD_OUT = 400_000
const root = resolve(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'squeeze-arithmetic-'))

const run = (program: string, ...args: string[]) =>
  execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
const squeeze = (...args: string[]) =>
  run(process.execPath, join(root, 'bin/squeeze'), ...args, '--json', '--no-project')

async function measure(checkpoint: string, text: string | undefined): Promise<void> {
  const name = basename(resolve(checkpoint))
  const whole = text === undefined ? '' : readFileSync(text, 'utf8')
  const heldOut = text === undefined ? readFileSync(join(checkpoint, 'heldout.txt'), 'utf8') : whole.slice(0, HELD_OUT)
  const calibrationText = text === undefined ? join(checkpoint, 'calibration.txt') : join(folder, `${name}.txt`)
  if (text !== undefined) writeFileSync(calibrationText, whole.slice(HELD_OUT))
  const ids = (await loadTokenizer(checkpoint)).encode(heldOut)
  const { tokens, rows, cols } = evaluationWindows(ids, { window: 256, bos: 'none', limit: 60 })
  const windows = join(folder, `${name}-windows`)
  await writeTokens(windows, tokens, rows, cols)

  const calibration = join(folder, `${name}-calibration`)
  squeeze(
    'calibrate',
    checkpoint,
    '--text',
    calibrationText,
    '--samples',
    '100',
    '--length',
    '256',
    '--out',
    calibration,
  )
  for (const bits of ['3', '4']) {
    const out = join(folder, `${name}-${bits}`)
    squeeze(
      'quantize',
      checkpoint,
      '--bits',
      bits,
      '--sparsity',
      '0.45%',
      '--as-published',
      '--calibration',
      calibration,
      '--out',
      out,
    )
    const found = JSON.parse(run(join(root, 'build/bench/arithmetic_bench'), out, windows)) as Record<string, number>
    const cells = [found['products'], found['decode_fp32'], found['decode_int16']].map((value) => value!.toFixed(5))
    console.log(`| ${name} | ${bits} | ${cells.join(' | ')} | ${found['int16_percent']!.toFixed(4)} % |`)
  }
}

try {
  console.log('| Model | Bits | Products, fp32 | Decode, fp32 | Decode, int16 | int16 against fp32 |')
  console.log('|---|---|---|---|---|---|')
  for (const argument of process.argv.slice(2)) {
    const [checkpoint, text] = argument.split('=')
    await measure(checkpoint!, text)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
