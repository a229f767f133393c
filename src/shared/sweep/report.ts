import { svgText, type Scene } from '../charts/scene.ts'
import type { CalibrationSummary } from '../contract/studio/calibration.ts'
import type { Stamp } from '../contract/studio/evaluation.ts'
import type { Project } from '../contract/studio/project.ts'
import type { SweepChoices } from '../contract/studio/sweep.ts'
import { documentText, factList, html, trusted, type Html } from '../export/html.ts'
import { count, exact, percent, perplexity, share, size } from '../units.ts'
import { allocationFront } from './allocate.ts'
import { allotmentScene } from './allotment-map.ts'
import { recipeName } from './chart-parts.ts'
import { allotWithin, budgetWithin, choicesOf, preparedFor } from './choices.ts'
import { frontChart } from './front-chart.ts'
import { frontOf } from './grid.ts'
import { checkpointPerplexity, forecast, isUniform, type Measured, type Outlook } from './outlook.ts'
import { sparsityChart } from './sparsity-chart.ts'

export type ReportInput = {
  project: Pick<Project, 'name'> & {
    checkpoint: Pick<
      Project['checkpoint'],
      'path' | 'family' | 'architecture' | 'dtype' | 'parameters' | 'layers' | 'sizeBytes' | 'fingerprint'
    >
  }
  calibration: Pick<
    CalibrationSummary,
    'textName' | 'samples' | 'length' | 'estimator' | 'precision' | 'fingerprint' | 'loss' | 'createdAtMs'
  >
  stamp: Stamp | undefined
  outlook: Outlook
  choices: SweepChoices
  /** Version of the studio. */
  version: string
  madeAtMs: number
}

const CHART = { width: 920, height: 340 }

/** All of a project's sweep as one page that stands alone: curves, front, allotment, every measured point and its recipe. */
export function sweepReport(input: ReportInput): string {
  const { project, outlook, choices, version, madeAtMs } = input
  const prepared = preparedFor(outlook.table, choices)
  const budget = prepared && budgetWithin(prepared, choices.budgetBitsPerWeight)
  const allotted = prepared && budget !== undefined ? allotWithin(prepared, budget, outlook.base) : undefined
  const alike = { ...outlook.base, bits: choices.bits, sparsity: choices.sparsity }
  const recipe = choices.mode === 'budget' && allotted ? allotted.recipe : alike
  const found = forecast(outlook, recipe)
  const upright = choices.axis
  const sparsity = sparsityChart({ ...CHART, outlook, upright, bits: choices.bits })
  const front = frontChart({
    ...CHART,
    outlook,
    upright,
    reach: prepared ? allocationFront(prepared) : [],
    chosen: found && { recipe, forecast: found },
    ...(choices.mode === 'budget' && budget !== undefined ? { budget } : {}),
  })
  const chosenWords = isUniform(recipe) ? recipeName(recipe) : `a budget of ${budget?.toFixed(2)} bits per weight`
  const map = allotmentScene(outlook.table, choicesOf(outlook.table, recipe), chosenWords)
  const body = html` <h1>Sweep of ${project.name}</h1>
    <p class="quiet">Squeeze Studio ${version}, ${new Date(madeAtMs).toISOString()}</p>
    ${about(input)}
    <h2>Sparsity against perplexity</h2>
    <p>
      Marks are measured. Thin lines are predicted from the errors of every matrix, areas hold the truth in about 95 of
      100 cases; dotted where a line goes beyond what was measured.
    </p>
    ${panel(sparsity.scene)}
    <h2>Size against perplexity</h2>
    <p>
      The grey line joins what was measured and nothing beats. The green one is what mixed widths are predicted to
      reach, each matrix with bits of its own; the ring is the choice: ${chosenWords}.
    </p>
    ${panel(front.scene)}
    <h2>What each matrix gets</h2>
    ${panel(map)} ${chosenRecipe(recipe)}
    <h2>Measured</h2>
    <p>${stampWords(input.stamp)} * nothing measured is both smaller and better.</p>
    ${measuredTable(outlook)}
    <h2>Recipes</h2>
    <p>A recipe that is saved to a file is followed by <code>squeeze quantize --recipe FILE</code>.</p>
    ${recipes(outlook)}
    <h2>How it is predicted</h2>
    <p>${predictorWords(outlook)}</p>`
  return documentText(`Sweep of ${project.name}`, body)
}

const panel = (scene: Scene): Html => html`<div class="panel">${trusted(svgText(scene))}</div>`

function about({ project: { checkpoint }, calibration, stamp, outlook }: ReportInput): Html {
  const base = checkpointPerplexity(outlook)
  const per = calibration.estimator === 'sample' ? 'sequence' : 'token'
  return html`<h2>Of what</h2>
    <div class="panel">
      ${factList([
        ['Checkpoint', checkpoint.path],
        [
          'Model',
          `${checkpoint.architecture}, ${checkpoint.layers} layers, ${count(checkpoint.parameters)} parameters`,
        ],
        ['Stored as', `${checkpoint.dtype}, ${size(checkpoint.sizeBytes)} (${exact(checkpoint.sizeBytes)} bytes)`],
        ['Fingerprint', checkpoint.fingerprint],
        ['Perplexity', base === undefined ? undefined : `${perplexity(base)}, measured`],
        [
          'Calibrated on',
          `${calibration.textName ?? 'a text'}, ${exact(calibration.samples)} × ${exact(calibration.length)} tokens, ` +
            `squares per ${per}, ${calibration.precision}`,
        ],
        ['Calibration', calibration.fingerprint],
        ['Measured on', stamp && stampWords(stamp)],
        ['Stamp', stamp?.key],
      ])}
    </div>`
}

function stampWords(stamp: Stamp | undefined): string {
  if (!stamp) return 'Nothing was measured yet.'
  const { textName, textHash, windows, windowLength, tokens, bos, precision } = stamp
  const begin = bos === 'none' ? 'no beginning-of-sequence token' : `a beginning-of-sequence token for each ${bos}`
  return (
    `${textName} (${textHash.slice(0, 12)}), ${exact(windows)} windows of ${exact(windowLength)} tokens, ` +
    `${exact(tokens)} predicted tokens, ${begin}, ${precision}.`
  )
}

function measuredTable(outlook: Outlook): Html {
  const front = new Set(frontOf(outlook.points.filter((point) => point.perplexity !== undefined)))
  const sorted = outlook.points.toSorted((a, b) => a.sizeBytes - b.sizeBytes)
  const rows = sorted.map((point) => {
    const predicted = forecast(outlook, point.recipe)
    return html`<tr>
      <td>${front.has(point) ? '*' : ''}</td>
      <td>${size(point.sizeBytes)}</td>
      <td>${point.bitsPerWeight.toFixed(3)}</td>
      <td>${value(point.perplexity, perplexity, 'diverged')}</td>
      <td class="quiet">${value(predicted?.perplexity, perplexity, 'not predicted')}</td>
      <td>${value(point.klMean, (nats) => nats.toFixed(4), '')}</td>
      <td>${value(point.top1Agreement, share, '')}</td>
      <td>${pointWords(point)}</td>
    </tr>`
  })
  return html`<div class="panel">
    <table>
      <thead>
        <tr>
          <th></th>
          <th>Size</th>
          <th>Bits<br />per weight</th>
          <th>Perplexity<br />measured</th>
          <th>Perplexity<br />predicted</th>
          <th>KL<br />nats/token</th>
          <th>Same<br />top token</th>
          <th>Recipe</th>
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`
}

function value(known: number | undefined, format: (known: number) => string, otherwise: string): string {
  return known === undefined ? otherwise : format(known)
}

function pointWords({ recipe }: Measured): string {
  const { method, weighting, outliers, sparsity, overrides } = recipe
  return [
    recipeName(recipe),
    method,
    ...(method === 'rtn' || weighting === 'fisher' ? [] : ['every weight alike']),
    ...(sparsity > 0 && outliers !== 'paper' ? [`${outliers} outliers`] : []),
    ...(overrides?.length ? [`${overrides.length} exceptions`] : []),
  ].join(', ')
}

function chosenRecipe(recipe: object): Html {
  return html`<details>
    <summary>The recipe as JSON</summary>
    <pre>${JSON.stringify(recipe, null, 2)}</pre>
  </details>`
}

function recipes({ points }: Outlook): Html {
  const each = points.map(
    (point) =>
      html`<details>
        <summary>${pointWords(point)}, ${point.bitsPerWeight.toFixed(3)} bits per weight</summary>
        <pre>${JSON.stringify(point.recipe, null, 2)}</pre>
      </details>`,
  )
  return html`<div class="panel">${each.length > 0 ? each : 'Nothing was measured yet.'}</div>`
}

function predictorWords({ predictor }: Outlook): string {
  const { scale, exponent, learntFrom, doubt, tokensPerSample } = predictor
  const law =
    `The rise of the loss is taken for ${scale.toPrecision(3)} · (½ Σ F·δ² / T)^${exponent.toFixed(2)}, where F is the mean ` +
    `squared gradient of each weight, δ what squeezing changes it by, and T = ${exact(tokensPerSample)} tokens of a sequence.`
  const learnt =
    learntFrom === 0 ? ' Nothing was measured to learn from.' : ` Learnt from ${learntFrom} measured points.`
  const band = doubt
    ? ` A point lies within ${percent(Math.exp(2 * Math.sqrt(doubt.point)) - 1, 0)} of it (two standard deviations).`
    : ''
  return law + learnt + band
}
