import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import type { Recipe } from '../../src/shared/contract/sidecar/quantization.ts'
import { costOfRecipe, type ErrorTable } from '../../src/shared/sweep/error-table.ts'
import { recipeKey } from '../../src/shared/sweep/plan.ts'
import type { Context } from '../../src/main/studio/context.ts'
import { errorTable } from '../../src/main/studio/errors.ts'
import { planEvaluation, type EvaluationPlan } from '../../src/main/studio/evaluate.ts'
import { openCheckpoint, type Model } from '../../src/main/studio/model.ts'
import { ensureCalibration } from '../../src/main/studio/quantize.ts'
import { measureRecipes } from '../../src/main/studio/sweep.ts'

/** The first characters of a text are measured on, the rest calibrated on, so that the two never share text. */
const HELD_OUT = 400_000

/** Wider codebooks than these are larger than what they stand for, in rows as short as those of small models. */
const PAPER_GRID = { bits: [2, 3, 4, 5, 6], sparsities: [0, 0.0002, 0.0005, 0.001, 0.002, 0.0045, 0.01, 0.02, 0.05] }
/** The loss-aware rule shares nothing between widths, so a whole table of it takes many times as long. */
const LOSS_AWARE_GRID = { bits: [2, 3, 4], sparsities: [0, 0.0045, 0.02] }

export type Settings = { samples: number; window: number; limitWindows: number; threads: number; folder: string }

export type Rule = Recipe['outliers']

/** A checkpoint with all that its recipes are foretold by and measured with. */
export type Subject = {
  name: string
  model: Model
  calibration: string
  plan: EvaluationPlan
  tokensPerSample: number
  tables: Record<Rule, ErrorTable>
}

/** A recipe, what its table says, and what came out. */
export type Measured = {
  recipe: Recipe
  /** From the table: Σ F (w − ŵ)². */
  objective: number
  sizeBytes: number
  bitsPerWeight: number
  /** Loss above the checkpoint's, nats per token. */
  deltaNll: number
  perplexity: number
}

export async function openSubject(context: Context, argument: string, settings: Settings): Promise<Subject> {
  const [checkpoint, text] = argument.split('=') as [string, string | undefined]
  const name = basename(resolve(checkpoint))
  const { samples, window: length, limitWindows, threads } = settings
  let [calibrated, measured] = [join(checkpoint, 'calibration.txt'), join(checkpoint, 'heldout.txt')]
  if (text !== undefined) {
    const whole = readFileSync(text, 'utf8')
    mkdirSync(settings.folder, { recursive: true })
    calibrated = join(settings.folder, `${name}-calibration.txt`)
    measured = join(settings.folder, `${name}-heldout.txt`)
    writeFileSync(measured, whole.slice(0, HELD_OUT))
    writeFileSync(calibrated, whole.slice(HELD_OUT))
  }
  const run = { threads, device: 'cpu' }
  const model = await openCheckpoint(context, checkpoint, run)
  const { path: calibration } = await ensureCalibration(context, model, { text: calibrated, samples, length }, run)
  const tables = {
    paper: await errorTable(context, model, calibration, 'paper', run, PAPER_GRID),
    'loss-aware': await errorTable(context, model, calibration, 'loss-aware', run, LOSS_AWARE_GRID),
  }
  const plan = await planEvaluation(model, { text: measured, window: length, limitWindows })
  return { name, model, calibration, plan, tokensPerSample: length - 1, tables }
}

/** Measured together; those that the folder's database has are taken from there. */
export async function measure(
  context: Context,
  { name, model, calibration, plan, tables }: Subject,
  recipes: readonly Recipe[],
  threads: number,
): Promise<Measured[]> {
  const distinct = [...new Map(recipes.map((recipe) => [recipeKey(recipe), recipe])).values()]
  let done = 0
  const onPoint = () => process.stderr.write(`\r${name}: ${++done} of ${distinct.length} recipes`)
  const inputs = { model, calibration, plan, recipes: distinct, onPoint }
  const measured = await measureRecipes(context, inputs, { threads, device: 'cpu' })
  process.stderr.write('\n')
  return measured.flatMap(({ recipe, point, referenceNll }) => {
    const cost = costOfRecipe(tables[recipe.outliers], recipe)
    if (!cost || point.meanNll === undefined || point.perplexity === undefined || referenceNll === null) return []
    const { sizeBytes, bitsPerWeight, perplexity } = point
    return [
      {
        recipe,
        objective: cost.objective,
        sizeBytes,
        bitsPerWeight,
        deltaNll: point.meanNll - referenceNll,
        perplexity,
      },
    ]
  })
}
