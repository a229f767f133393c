/**
 * How well recipes are foretold and allotted, held against what is measured, as Markdown.
 *
 *   node scripts/sweep-report.ts CKPT[=TEXT] [CKPT[=TEXT] ...] --home DIR [--window 256] [--limit-windows 60] [--out FILE]
 *
 * The first 400,000 characters of TEXT are for perplexity, the rest for calibration; a CKPT with a `heldout.txt` and a
 * `calibration.txt` of its own needs none. What is measured stays in DIR, so a run that was interrupted goes on.
 * Predictors learn from the points that `squeeze sweep --adaptive` would measure first, and are judged by all others.
 */
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createContext, type Context } from '../src/main/studio/context.ts'
import { nextRecipes } from '../src/shared/sweep/grid.ts'
import { recipeKey } from '../src/shared/sweep/plan.ts'
import { learnPredictor, predict, type Predictor } from '../src/shared/sweep/predict.ts'
import { allot, FIRST_GRID, randomRecipes, uniformRecipes, type Allotted } from './sweep-report/recipes.ts'
import { median, spearman } from './sweep-report/statistics.ts'
import { measure, openSubject, type Measured, type Rule, type Subject } from './sweep-report/subject.ts'

const BUDGETS = [2.5, 2.75, 3, 3.25, 3.5, 4, 5, 6]
const LOSS_AWARE_BUDGETS = [2.75, 3, 3.25, 3.5, 4]
/** What the adaptive sweep measures in one round. */
const ROUND = 4

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    home: { type: 'string' },
    window: { type: 'string', default: '256' },
    'limit-windows': { type: 'string', default: '60' },
    samples: { type: 'string', default: '100' },
    threads: { type: 'string', default: '0' },
    out: { type: 'string' },
  },
})
if (positionals.length === 0 || values.home === undefined)
  throw new Error('usage: sweep-report.ts CKPT[=TEXT] ... --home DIR')
const home = resolve(values.home)
const threads = Number(values.threads)

type Report = { prediction: string[]; allocation: string[] }

async function report(context: Context, argument: string): Promise<Report> {
  const subject = await openSubject(context, argument, {
    samples: Number(values.samples),
    window: Number(values.window),
    limitWindows: Number(values['limit-windows']),
    threads,
    folder: join(home, 'texts'),
  })
  const allotted = {
    paper: BUDGETS.map((budget) => ({ budget, found: allot(subject, 'paper', budget) })),
    'loss-aware': LOSS_AWARE_BUDGETS.map((budget) => ({ budget, found: allot(subject, 'loss-aware', budget) })),
  }
  const recipes = [
    ...uniformRecipes('paper'),
    ...uniformRecipes('loss-aware'),
    ...[...allotted.paper, ...allotted['loss-aware']].flatMap(({ found }) => found?.recipe ?? []),
    ...randomRecipes(subject, 'paper', 12, 1),
    ...randomRecipes(subject, 'loss-aware', 4, 2),
  ]
  const points = await measure(context, subject, recipes, threads)
  return {
    prediction: [2, 3, 4, 5].map((count) => predictionRow(subject, points, count)),
    allocation: (['paper', 'loss-aware'] as const).flatMap((rule) =>
      allotted[rule].flatMap(({ budget, found }) => allocationRow(subject.name, rule, budget, found, points) ?? []),
    ),
  }
}

/** The points that an adaptive sweep of so many measures. */
function firstPoints({ tables, tokensPerSample }: Subject, points: readonly Measured[], count: number): Measured[] {
  const first: Measured[] = []
  while (first.length < count) {
    const round = Math.min(ROUND, count - first.length)
    const next = nextRecipes(tables.paper, tokensPerSample, FIRST_GRID, first, round).map(recipeKey)
    first.push(...points.filter(({ recipe }) => next.includes(recipeKey(recipe))))
  }
  return first
}

function predictionRow(subject: Subject, points: readonly Measured[], count: number): string {
  const learnt = firstPoints(subject, points, count)
  const predictor = learnPredictor(learnt, subject.tokensPerSample)
  const others = points.filter((point) => !learnt.includes(point))
  const cells = [
    subject.name,
    learnt.map(({ recipe: { bits, sparsity } }) => `${bits} + ${Number((100 * sparsity).toPrecision(3))} %`).join(', '),
    others.length,
    spearman(
      others.map(({ objective }) => predict(predictor, objective).deltaNll),
      others.map(({ deltaNll }) => deltaNll),
    ).toFixed(3),
    errorText(predictor, others),
    errorText(
      predictor,
      others.filter(({ deltaNll }) => deltaNll > 0.05),
    ),
    `${others.filter((point) => isInside(predictor, point)).length} of ${others.length}`,
    median(others.map(({ objective }) => bandOf(predictor, objective))).toFixed(2),
  ]
  return `| ${cells.join(' | ')} |`
}

/** A checkpoint that loses little has no large losses to be wrong about. */
const errorText = (predictor: Predictor, points: readonly Measured[]) =>
  points.length === 0 ? '–' : `${(100 * medianError(predictor, points)).toFixed(0)} %`

const medianError = (predictor: Predictor, points: readonly Measured[]) =>
  median(points.map(({ objective, deltaNll }) => Math.abs(predict(predictor, objective).deltaNll / deltaNll - 1)))

function isInside(predictor: Predictor, { objective, deltaNll }: Measured): boolean {
  const { low = NaN, high = NaN } = predict(predictor, objective)
  return deltaNll >= low && deltaNll <= high
}

const bandOf = (predictor: Predictor, objective: number) => {
  const { deltaNll, high = NaN } = predict(predictor, objective)
  return high / deltaNll
}

/** Beside the best uniform recipe of the rule that is not larger; nothing where none fits. */
function allocationRow(
  name: string,
  rule: Rule,
  budget: number,
  found: Allotted | undefined,
  points: readonly Measured[],
): string | undefined {
  const mixed = found && points.find(({ recipe }) => recipeKey(recipe) === recipeKey(found.recipe))
  if (!found || !mixed) return undefined
  const { cost, lowerBound } = found.allocation
  const [best] = points
    .filter(({ recipe, sizeBytes }) => {
      const ofRule = recipe.sparsity === 0 || recipe.outliers === rule
      return ofRule && (recipe.overrides ?? []).length === 0 && sizeBytes <= mixed.sizeBytes
    })
    .sort((a, b) => a.perplexity - b.perplexity)
  const uniform = best
    ? `${best.recipe.bits} bits + ${Number((100 * best.recipe.sparsity).toPrecision(3))} %, ${best.bitsPerWeight.toFixed(2)}`
    : 'none so small'
  const gain = best ? `${(100 * (mixed.perplexity / best.perplexity - 1)).toFixed(1)} %` : ''
  const above = `${(100 * (cost.objective / lowerBound - 1)).toFixed(2)} %`
  const cells = [name, rule, budget, mixed.bitsPerWeight.toFixed(2), mixed.perplexity.toFixed(3), uniform]
  return `| ${[...cells, best?.perplexity.toFixed(3) ?? '', gain, above].join(' | ')} |`
}

const context = createContext({ home, keepLog: false })
try {
  const reports: Report[] = []
  for (const argument of positionals) reports.push(await report(context, argument))
  const document = [
    '| Model | Learnt from | Held out | Rank correlation | Median error of Δloss | of those above 0.05 nats | Inside the band | Band, times |',
    '|---|---|---|---|---|---|---|---|',
    ...reports.flatMap(({ prediction }) => prediction),
    '',
    '| Model | Outliers | Budget, bits/weight | Mixed | Perplexity | Best uniform that is not larger | Perplexity | Mixed against it | Above the bound |',
    '|---|---|---|---|---|---|---|---|---|',
    ...reports.flatMap(({ allocation }) => allocation),
    '',
  ].join('\n')
  if (values.out) writeFileSync(values.out, document)
  else process.stdout.write(document)
} finally {
  await context.close()
}
