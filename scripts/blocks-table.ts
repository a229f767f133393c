/**
 * What codebooks of other weights than one row each, and a squeezed embedding and head are worth, as Markdown.
 *
 *   node scripts/blocks-table.ts CKPT=TEXT [CKPT=TEXT ...] [--window 256] [--limit-windows 60] [--out FILE]
 *
 * Texts are cut as by quality-table.ts: the first 400,000 characters of TEXT for perplexity, the rest for calibration;
 * a CKPT with its own `heldout.txt` and `calibration.txt` needs none. Codebooks are measured as by `squeeze sweep`, in
 * memory, with the bytes counted that would be written; embedding and head as by `squeeze quantize` and `evaluate`.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createContext, type Context } from '../src/main/studio/context.ts'
import { evaluate, planEvaluation } from '../src/main/studio/evaluate.ts'
import { openCheckpoint, type Model } from '../src/main/studio/model.ts'
import { ensureCalibration, quantize } from '../src/main/studio/quantize.ts'
import { measureRecipes } from '../src/main/studio/sweep.ts'
import type { Recipe } from '../src/shared/contract/sidecar/quantization.ts'
import { beyondPaper } from '../src/shared/recipe/beyond-paper.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    window: { type: 'string', default: '256' },
    'limit-windows': { type: 'string', default: '60' },
    samples: { type: 'string', default: '100' },
    out: { type: 'string' },
  },
})
if (positionals.length === 0) throw new Error('usage: blocks-table.ts CKPT[=TEXT] ...')
const window = Number(values.window)
const windows = { window, limitWindows: Number(values['limit-windows']) }

const BASE: Recipe = {
  method: 'squeezellm',
  bits: 3,
  sparsity: 0,
  outliers: 'paper',
  solver: 'exact',
  weighting: 'fisher',
}
const WIDTHS = [2, 3, 4]
/** Plain recipes between and beyond those, to know what plain codebooks give at the size of others. */
const PLAIN: Recipe[] = [5, 6].map((bits) => ({ ...BASE, bits }))
const BLOCKS = [{}, { share: 2 }, { share: 4 }, { share: 8 }, { group: 32 }, { group: 64 }, { group: 128 }]
const OUTSIDE = [{}, { embeddingBits: 8 }, { headBits: 8 }, { embeddingBits: 8, headBits: 8 }]
const OUTSIDE_FOURS = [{ embeddingBits: 4 }, { headBits: 4 }, { embeddingBits: 4, headBits: 4 }]

type Texts = { heldOut: string; calibration: string }
type Subject = { context: Context; model: Model; calibration: string; texts: Texts; scratch: string }

const words = (recipe: Recipe) =>
  beyondPaper(recipe)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ') || 'one a row'
const digits = (value: number | undefined, places: number) => value?.toFixed(places) ?? 'diverged'

function markdown(head: string[], rows: string[][]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

/** KL of plain recipes at a size: between the two nearest in bits per weight, geometrically. */
function plainAt(bitsPerWeight: number, plain: readonly { bitsPerWeight: number; klMean?: number | undefined }[]) {
  const known = plain.flatMap(({ bitsPerWeight: x, klMean }) => (klMean ? [{ x, y: Math.log(klMean) }] : []))
  known.sort((a, b) => a.x - b.x)
  const above = known.findIndex(({ x }) => x >= bitsPerWeight)
  const [low, high] = [known[above - 1], known[above]]
  if (!low || !high) return undefined
  return Math.exp(low.y + ((high.y - low.y) * (bitsPerWeight - low.x)) / (high.x - low.x))
}

async function codebooks({ context, model, calibration, texts }: Subject): Promise<string> {
  const recipes = WIDTHS.flatMap((bits) => BLOCKS.map((blocks): Recipe => ({ ...BASE, bits, ...blocks })))
  const plan = await planEvaluation(model, { text: texts.heldOut, ...windows })
  const found = await measureRecipes(context, { model, calibration, plan, recipes: [...recipes, ...PLAIN] }, {})
  const plain = found.filter(({ recipe }) => beyondPaper(recipe).length === 0).map(({ point }) => point)
  const rows = found.map(({ recipe, point }) => {
    const { bitsPerWeight, perplexity, klMean } = point
    const asPlain = beyondPaper(recipe).length > 0 ? plainAt(bitsPerWeight, plain) : undefined
    const ratio = asPlain === undefined || klMean === undefined ? '–' : (klMean / asPlain).toFixed(2)
    const measured = [digits(bitsPerWeight, 3), digits(perplexity, 3), digits(klMean, 4)]
    return [String(recipe.bits), words(recipe), ...measured, ratio]
  })
  const [first] = found
  const full = typeof first?.referenceNll === 'number' ? Math.exp(first.referenceNll) : undefined
  return [
    `Full precision: ${digits(full, 3)}. ${first?.tokens} predicted tokens, windows of ${window}; calibration ${values.samples} × ${window} tokens of other text.`,
    markdown(['Bits', 'Codebooks', 'Bits per weight', 'Perplexity', 'KL (nats)', 'KL ÷ that of one a row'], rows),
  ].join('\n\n')
}

async function outside({ context, model, calibration, texts, scratch }: Subject): Promise<string> {
  const checkpoint = model.inspection.path
  const rows: string[][] = []
  for (const widths of [...OUTSIDE, ...OUTSIDE_FOURS]) {
    // Of a tied pair one field says it all.
    if (model.inspection.tiedEmbeddings && 'headBits' in widths) continue
    const out = join(scratch, `result-${rows.length}`)
    const recipe = { ...BASE, ...widths }
    const { result } = await quantize(context, { checkpoint, calibration, recipe, out }, {})
    const measured = await evaluate(context, { model: out, text: texts.heldOut, against: checkpoint, ...windows }, {})
    const stored = result.outside?.map(({ embedding, head, bitsPerWeight }) => {
      const name = embedding && head ? 'tied' : embedding ? 'embedding' : 'head'
      return `${name} ${bitsPerWeight.toFixed(2)}`
    })
    const { perplexity, divergence } = measured.result
    rows.push([
      stored?.join(', ') ?? 'as they are',
      exact(result.sizeBytes),
      digits(perplexity, 3),
      digits(divergence?.klMean, 4),
    ])
    rmSync(out, { recursive: true })
  }
  return markdown(['Embedding and head, bits per weight', 'Weight files, bytes', 'Perplexity', 'KL (nats)'], rows)
}

const exact = (count: number) => count.toLocaleString('en')

async function section(argument: string, scratch: string): Promise<string> {
  const [checkpoint = '', text] = argument.split('=')
  const texts = { heldOut: join(checkpoint, 'heldout.txt'), calibration: join(checkpoint, 'calibration.txt') }
  if (text !== undefined) {
    const whole = readFileSync(text, 'utf8')
    texts.heldOut = join(scratch, 'heldout.txt')
    texts.calibration = join(scratch, 'calibration.txt')
    writeFileSync(texts.heldOut, whole.slice(0, 400_000))
    writeFileSync(texts.calibration, whole.slice(400_000))
  }
  const context = createContext({ home: join(scratch, 'home'), keepLog: false })
  try {
    const model = await openCheckpoint(context, resolve(checkpoint), {})
    const asked = { text: texts.calibration, samples: Number(values.samples), length: window }
    const { path } = await ensureCalibration(context, model, asked, {})
    const subject = { context, model, calibration: path, texts, scratch }
    const parts = [await codebooks(subject)]
    process.stderr.write(`${parts.at(-1)}\n\n`)
    parts.push(await outside(subject))
    process.stderr.write(`${parts.at(-1)}\n\n`)
    return [`### ${basename(resolve(checkpoint))}`, ...parts].join('\n\n')
  } finally {
    await context.close()
  }
}

const sections: string[] = []
for (const argument of positionals) {
  const scratch = mkdtempSync(join(tmpdir(), 'squeeze-blocks-'))
  try {
    sections.push(await section(argument, scratch))
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}
const document = sections.join('\n\n') + '\n'
if (values.out) writeFileSync(values.out, document)
else process.stdout.write(document)
