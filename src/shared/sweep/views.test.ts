import { describe, expect, it } from 'vitest'
import { madeUpErrors, SPARSITIES, WIDTHS } from '../../../test/e2e/support/made-up-table.ts'
import { svgText } from '../charts/scene.ts'
import type { Recipe } from '../contract/sidecar/quantization.ts'
import type { MeasuredPoint } from '../contract/studio/sweep.ts'
import { allocate, allocateWithin, allocationFront } from './allocate.ts'
import { allotmentScene } from './allotment-map.ts'
import { allotWithin, budgetRange, budgetWithin, choicesOf, FIRST_CHOICES, limitsOf, preparedFor } from './choices.ts'
import { costOfRecipe, makeErrorTable } from './error-table.ts'
import { frontChart } from './front-chart.ts'
import { gridRecipes } from './grid.ts'
import { BASE, FIRST_BITS, FIRST_SPARSITIES, forecast, outlookOf } from './outlook.ts'
import { recipeKey } from './plan.ts'
import { curveRecords, frontRecords, pointRecords } from './records.ts'
import { sweepReport } from './report.ts'
import { sparsityChart } from './sparsity-chart.ts'

const SIZES: Record<string, [rows: number, cols: number]> = {
  q: [4096, 4096],
  k: [4096, 4096],
  v: [4096, 4096],
  o: [4096, 4096],
  gate: [11_008, 4096],
  up: [11_008, 4096],
  down: [4096, 11_008],
}
const matrices = Array.from({ length: 32 }, (_, layer) =>
  Object.entries(SIZES).map(([role, [rows, cols]]) =>
    madeUpErrors({ name: `model.layers.${layer}.${role}_proj.weight`, layer, role, rows, cols }),
  ),
).flat()
const table = makeErrorTable(matrices, 1e9)
const referenceNll = Math.log(5.5)

function pointOf(recipe: Recipe, id: number): MeasuredPoint {
  const cost = costOfRecipe(table, recipe) ?? { objective: 0, sizeBytes: 0, bitsPerWeight: 0 }
  const meanNll = referenceNll + 0.9 * (cost.objective / 1022) ** 0.85
  const point = { ...cost, diverged: false, meanNll, perplexity: Math.exp(meanNll), klMean: 0.1 }
  return { id, recipe, point, createdAtMs: id }
}

const measurements = {
  tokensPerSample: 511,
  referenceNll,
  points: gridRecipes(BASE, FIRST_BITS, FIRST_SPARSITIES).map((recipe, index) => pointOf(recipe, index + 1)),
}
const outlook = outlookOf({ matrices, otherBytes: 1e9 }, measurements)
const size = { width: 900, height: 300 }

describe('a table of 32 layers by 7 matrices', () => {
  const budgetChoices = { ...FIRST_CHOICES, mode: 'budget' as const }
  const prepared = preparedFor(table, budgetChoices)
  if (!prepared) throw new Error('Nothing can be allotted.')

  /** The shortest of many: in the others the processor had other work, too. */
  function leastMs(work: (turn: number) => void): number {
    const times = Array.from({ length: 31 }, (_, turn) => {
      const begun = performance.now()
      work(turn)
      return performance.now() - begun
    })
    return Math.min(...times)
  }

  it('answers a slider within a fraction of a frame', () => {
    const predicting = leastMs((turn) => forecast(outlook, { ...BASE, bits: 2 + (turn % 5), sparsity: 0.003 }))
    const allotting = leastMs((turn) => {
      const found = allotWithin(prepared, 2.5 + 0.05 * turn)
      if (found) forecast(outlook, found.recipe)
    })
    const reach = allocationFront(prepared)
    const drawing = leastMs((turn) => {
      sparsityChart({ ...size, outlook, upright: 'perplexity', bits: 2 + (turn % 5) })
      frontChart({ ...size, outlook, upright: 'perplexity', reach, budget: 3 })
    })
    console.log(
      `32 × 7 matrices: predict ${predicting.toFixed(2)} ms, allot and predict ${allotting.toFixed(2)} ms, draw ${drawing.toFixed(2)} ms`,
    )
    expect(predicting).toBeLessThan(5)
    expect(allotting).toBeLessThan(16)
    expect(drawing).toBeLessThan(40)
  })

  it('allots from what is prepared as it does anew, and the front passes where allotments lie', () => {
    const front = allocationFront(prepared)
    for (const bitsPerWeight of [2.2, 3, 3.55, 5]) {
      const matrixBytes = (bitsPerWeight * table.matrices.reduce((sum, { weights }) => sum + weights, 0)) / 8
      const found = allocateWithin(prepared, matrixBytes)
      expect(found).toEqual(allocate(table, { ...limitsOf(budgetChoices), matrixBytes }))
      const corner = front.findLast((each) => each.bitsPerWeight <= bitsPerWeight)
      // The front has no step that is left out and filled by later ones.
      expect(found?.cost.objective).toBeLessThanOrEqual((corner?.objective ?? 0) * (1 + 1e-9))
    }
    expect(front.map(({ objective }) => objective)).toEqual(
      front.map(({ objective }) => objective).toSorted((a, b) => b - a),
    )
  })

  it('keeps budgets within what the constraints allow', () => {
    const [least, most] = budgetRange(prepared)
    expect(budgetWithin(prepared, 0)).toBeGreaterThanOrEqual(least)
    expect(budgetWithin(prepared, 99)).toBeGreaterThanOrEqual(most)
    expect(budgetWithin(prepared, 3.333)).toBe(3.35)
    const keep = ['*.down_proj']
    const tight = preparedFor(table, { ...budgetChoices, keep, allowedBits: [3], sameInLayer: true })
    const range = tight && budgetRange(tight)
    expect(range?.[0]).toBeGreaterThan(5)
    const found = tight && allotWithin(tight, 8)
    const roles = found?.choices.map(({ bits }, index) => [matrices[index]?.role === 'down', bits])
    expect(new Set(roles?.map(String))).toEqual(new Set(['true,16', 'false,3']))
    expect(preparedFor(table, { ...budgetChoices, allowedBits: [] })).toBeUndefined()
  })
})

describe('the charts', () => {
  it('have a curve, a band and an end for each width, and dots where they extrapolate', () => {
    const { scene, targets } = sparsityChart({ ...size, outlook, upright: 'perplexity', bits: 3 })
    const text = svgText(scene)
    // From 5 bits on the curves end as one.
    for (const name of ['2-bit', '3-bit', '4-bit', '5–8-bit']) expect(text).toContain(`>${name}</text>`)
    expect(text.match(/fill-opacity="0\.07"/g)).toHaveLength(WIDTHS.length - 1)
    expect(text.match(/fill-opacity="0\.24"/g)).toHaveLength(1)
    expect(text).toContain('stroke-dasharray="0.1 4.5"')
    expect(targets).toHaveLength(WIDTHS.length * SPARSITIES.length)
    const measured = targets.filter(({ lines }) => lines.some((line) => line.endsWith('measured')))
    expect(measured.length).toBeGreaterThanOrEqual(12)
    for (const { x, y } of targets) {
      expect(x).toBeGreaterThanOrEqual(0)
      expect(y).toBeLessThanOrEqual(size.height)
    }
  })

  it('place a measured point where its numbers say', () => {
    const { targets } = frontChart({ ...size, outlook, upright: 'rise', reach: [] })
    const byBits = targets.map(({ value }) => outlook.byKey.get(recipeKey(value))?.bitsPerWeight ?? 0)
    expect(byBits).toEqual(byBits.toSorted((a, b) => a - b))
    const [first, second] = targets
    expect(first && second && first.x <= second.x).toBe(true)
  })

  it('draw the budget and what it reaches', () => {
    const prepared = preparedFor(table, FIRST_CHOICES)
    const reach = prepared ? allocationFront(prepared) : []
    const text = svgText(frontChart({ ...size, outlook, upright: 'perplexity', reach, budget: 3.2 }).scene)
    expect(text).toContain('budget 3.20 bits')
    expect(text).toContain('Size of the whole checkpoint (GB)')
  })

  it('name every matrix of an allotment', () => {
    const choices = choicesOf(table, { ...BASE, bits: 4, sparsity: 0.001 })
    const text = svgText(allotmentScene(table, choices, 'all alike'))
    expect(text.match(/>4 \+ 0\.1\u00a0%</g)).toHaveLength(32 * 7)
  })

  it('show nothing but axes before anything is known', () => {
    const empty = outlookOf(
      { matrices, otherBytes: 1e9 },
      { tokensPerSample: 511, referenceNll: undefined, points: [] },
    )
    const { targets } = sparsityChart({ ...size, outlook: empty, upright: 'rise' })
    expect(targets).toEqual([])
    expect(svgText(frontChart({ ...size, outlook: empty, upright: 'rise', reach: [] }).scene)).not.toContain('NaN')
  })
})

describe('what is taken away', () => {
  const checkpoint = {
    path: '/models/<script>alert(1)</script>',
    family: 'llama',
    architecture: 'LlamaForCausalLM',
    dtype: 'F16',
    parameters: 6_600_000_000,
    layers: 32,
    sizeBytes: 13_200_000_000,
    fingerprint: 'f"&',
  }
  const calibration = {
    textName: '<img src=x onerror=alert(2)>',
    samples: 100,
    length: 512,
    estimator: 'sample',
    precision: 'fp32',
    fingerprint: 'c',
    loss: 1.7,
    createdAtMs: 0,
  } as const
  const stamp = {
    key: 'k',
    textName: "held'out.txt",
    textHash: 'beef',
    windowLength: 512,
    windows: 4,
    tokens: 2044,
    bos: 'none',
    precision: 'fp32',
  } as const
  const report = sweepReport({
    project: { name: 'a <b>', checkpoint },
    calibration,
    stamp,
    outlook,
    choices: { ...FIRST_CHOICES, mode: 'budget' },
    version: '1',
    madeAtMs: 0,
  })

  it('is a report that runs nothing, asks for nothing, and escapes what files hold', () => {
    expect(report).not.toMatch(/<script|<img|<b>|onerror=alert\(2\)>/)
    expect(report).toContain('&#60;script&#62;')
    expect(report).not.toMatch(/<[^>]*\s(src|href)=|url\((?!#)|@import/)
    expect(report.match(/<svg /g)).toHaveLength(3)
    expect(report).toContain('prefers-color-scheme:dark')
    expect(report).not.toMatch(/NaN|undefined|Infinity/)
    for (const { point } of measurements.points) expect(report).toContain(`<td>${point.bitsPerWeight.toFixed(3)}</td>`)
  })

  it('is tables with every digit', () => {
    const points = pointRecords(outlook, stamp)
    expect(points).toHaveLength(12)
    expect(points.map(({ perplexity }) => perplexity)).toEqual(
      measurements.points.map(({ point }) => point.perplexity).toSorted((a, b) => (b ?? 0) - (a ?? 0)),
    )
    const curves = curveRecords(outlook)
    expect(curves).toHaveLength(WIDTHS.length * SPARSITIES.length)
    expect(curves.filter(({ measuredPerplexity }) => measuredPerplexity !== null)).toHaveLength(12)
    expect(frontRecords(outlook, []).every(({ how }) => how === 'measured')).toBe(true)
  })
})
