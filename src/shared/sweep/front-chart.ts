import { LETTER_PX, line, makeFrame, type Axis, type Frame, type Size } from '../charts/frame.ts'
import { placeLabels } from '../charts/label-placement.ts'
import { ACCENT, DIMMED, PANEL, TEXT } from '../charts/palette.ts'
import { group, polyline, words, type Shape } from '../charts/scene.ts'
import { linearTicks, sizeUnit, tickFormat } from '../charts/ticks.ts'
import type { Target } from '../charts/target.ts'
import type { Recipe } from '../contract/sidecar/quantization.ts'
import { size as bytes } from '../units.ts'
import {
  bandArea,
  checkpointLine,
  choiceRing,
  measuredLines,
  measuredMark,
  predictedLine,
  recipeName,
  uprightScale,
  type Foretold,
  type Upright,
  type UprightScale,
} from './chart-parts.ts'
import type { ErrorTable, RecipeCost } from './error-table.ts'
import { frontOf } from './grid.ts'
import { checkpointPerplexity, forecastOf, type Forecast, type Measured, type Outlook } from './outlook.ts'
import { recipeKey } from './plan.ts'
import { plane, type Drawn } from './sparsity-chart.ts'

export type FrontChartInput = Size & {
  outlook: Outlook
  upright: Upright
  /** What allotments reach, from the smallest on. */
  reach: readonly RecipeCost[]
  chosen?: { recipe: Recipe; forecast: Forecast } | undefined
  /** Bits per weight that the person allows. */
  budget?: number | undefined
}

const MARGINS = { top: 40, right: 20, bottom: 40, left: 62 }
/** Places of the predicted front that are drawn. */
const REACH_PLACES = 160

type Dot = Measured & { perplexity: number }

/** Size against perplexity: everything measured with the front that nothing beats, and what a budget is foretold to reach. */
export function frontChart({ outlook, upright, reach, chosen, budget, ...size }: FrontChartInput): Drawn {
  const scale = uprightScale(outlook, upright)
  const dots = outlook.points.flatMap((point): Dot[] =>
    scale.of(point.perplexity) === undefined ? [] : [{ ...point, perplexity: point.perplexity ?? 0 }],
  )
  const foretold = thinned(reach).map((cost) => forecastOf(outlook, cost))
  const shown = shownOf(dots, foretold, chosen?.forecast)
  const frame = makeFrame(size, MARGINS, {
    x: bitsAxis(shown.map(({ bitsPerWeight }) => bitsPerWeight)),
    y: scale.axis(shown.flatMap(({ perplexity }) => perplexity ?? [])),
    above: sizeAxis(outlook.table, bitsAxis(shown.map(({ bitsPerWeight }) => bitsPerWeight))),
  })
  const at = (dot: { bitsPerWeight: number; perplexity?: number | undefined }) => {
    const y = scale.of(dot.perplexity)
    return y === undefined ? undefined : { x: frame.x(dot.bitsPerWeight), y: frame.y(y) }
  }
  const targets = dots.map((dot): Target<Recipe> => {
    const lines = [
      ...measuredLines(outlook, dot),
      `${bytes(dot.sizeBytes)}, ${dot.bitsPerWeight.toFixed(2)} bits per weight`,
    ]
    const place = at(dot) ?? { x: 0, y: 0 }
    return {
      ...place,
      id: recipeKey(dot.recipe),
      title: recipeName(dot.recipe),
      lines,
      series: 'all',
      value: dot.recipe,
    }
  })
  targets.sort((a, b) => a.x - b.x)
  const front = frontOf(dots)
  const base = scale.of(checkpointPerplexity(outlook))
  const clip = `front-${upright}`
  return {
    targets,
    scene: {
      ...size,
      label: `Bits per weight against perplexity of ${dots.length} measured recipes`,
      shapes: [
        { tag: 'clipPath', at: { id: clip }, children: [plane(frame)] },
        ...frame.shapes,
        ...(base === undefined || upright === 'rise'
          ? []
          : checkpointLine({ ...frame, y: frame.y(base) }, 'checkpoint, measured')),
        group(reachShapes(foretold, frame, scale), { clipPath: `url(#${clip})` }),
        polyline(
          front.flatMap((dot) => at(dot) ?? []),
          { stroke: DIMMED, strokeWidth: 1.75, strokeLinejoin: 'round' },
        ),
        ...(budget === undefined ? [] : budgetLine(budget, outlook.table, frame)),
        ...dots.flatMap((dot) => {
          const place = at(dot)
          return place ? [measuredMark(place, dot.recipe)] : []
        }),
        ...frontLabels(front, targets, frame),
        ...(chosen ? choiceShapes(chosen, outlook, frame, scale) : []),
      ],
    },
  }
}

/** Where something was measured, no more than a little beyond: from there on the predicted front runs level. */
function shownOf(dots: readonly Dot[], foretold: readonly Forecast[], chosen: Forecast | undefined) {
  const named = [...dots, ...(chosen ? [chosen] : [])]
  const most = dots.length > 0 ? Math.max(...named.map(({ bitsPerWeight }) => bitsPerWeight)) + 1 : Infinity
  return [...named, ...foretold.filter(({ bitsPerWeight }) => bitsPerWeight <= most)]
}

function thinned(reach: readonly RecipeCost[]): RecipeCost[] {
  const step = Math.max(1, reach.length / REACH_PLACES)
  const kept = Array.from({ length: Math.ceil(reach.length / step) }, (_, index) => reach[Math.floor(index * step)])
  const last = reach.at(-1)
  return [...kept.filter((cost) => cost !== undefined), ...(last && kept.at(-1) !== last ? [last] : [])]
}

function bitsAxis(values: readonly number[]): Axis {
  const all = values.length > 0 ? values : [2, 6]
  const domain: [number, number] = [
    Math.floor(2 * Math.min(...all) - 0.1) / 2,
    Math.ceil(2 * Math.max(...all) + 0.1) / 2,
  ]
  const ticks = linearTicks(domain[0], domain[1], Math.min(16, 2 * (domain[1] - domain[0])))
  return { words: 'Stored bits per weight of the matrices', domain, ticks, format: tickFormat(ticks) }
}

/** The same places in bytes: what the whole checkpoint takes when its matrices take so many bits. */
function sizeAxis({ matrices, otherBytes }: ErrorTable, { domain }: Axis): Axis {
  const weights = matrices.reduce((sum, matrix) => sum + matrix.weights, 0)
  const bytesAt = (bits: number) => otherBytes + (weights * bits) / 8
  const { unit, divisor } = sizeUnit(bytesAt(domain[1]))
  const own: [number, number] = [bytesAt(domain[0]) / divisor, bytesAt(domain[1]) / divisor]
  const ticks = linearTicks(own[0], own[1], 8)
  return { words: `Size of the whole checkpoint (${unit})`, domain: own, ticks, format: tickFormat(ticks) }
}

function reachShapes(foretold: readonly Forecast[], frame: Frame, scale: UprightScale): (Shape | undefined)[] {
  const places = foretold.flatMap((each): Foretold[] => {
    const y = scale.of(each.perplexity)
    if (y === undefined) return []
    const end = (value: number | undefined) => {
      const found = scale.of(value)
      return found === undefined ? (value === undefined ? undefined : frame.bottom) : frame.y(found)
    }
    return [
      {
        x: frame.x(each.bitsPerWeight),
        y: frame.y(y),
        low: end(each.low),
        high: end(each.high),
        extrapolates: each.extrapolates,
      },
    ]
  })
  return [bandArea(places, ACCENT, 0.14), ...predictedLine(places, ACCENT, 1.25)]
}

function budgetLine(budget: number, { matrices, otherBytes }: ErrorTable, frame: Frame): Shape[] {
  const weights = matrices.reduce((sum, matrix) => sum + matrix.weights, 0)
  const x = frame.x(budget)
  const text = `budget ${budget.toFixed(2)} bits, ${bytes(otherBytes + (weights * budget) / 8)}`
  const fits = x + text.length * LETTER_PX < frame.right
  const label = { fill: TEXT, stroke: PANEL, strokeWidth: 3, paintOrder: 'stroke', fontWeight: 600 }
  return [
    { ...line(x, frame.top, x, frame.bottom, TEXT, '6 3') },
    words(text, fits ? x + 6 : x - 6, frame.top + 10, { ...label, textAnchor: fits ? 'start' : 'end' }),
  ]
}

/** Names of what lies on the front, as far as there is room. */
function frontLabels(front: readonly Dot[], targets: readonly Target<Recipe>[], frame: Frame): Shape[] {
  const onFront = new Set(front.map(({ recipe }) => recipeKey(recipe)))
  // Those that are not named still take their place, so that no name is written over them.
  const sorted = targets.toSorted((a, b) => Number(onFront.has(b.id)) - Number(onFront.has(a.id)))
  const texts = sorted.map(({ id, title, x, y }) => ({ x, y, text: onFront.has(id) ? title : '' }))
  const area = {
    x: frame.left + 2,
    y: frame.top + 20,
    width: frame.right - frame.left - 4,
    height: frame.bottom - frame.top - 22,
  }
  return placeLabels(texts, area, (text) => text.length * 6).flatMap((place, index) => {
    const text = texts[index]?.text
    if (!place || !text) return []
    const look = { fill: TEXT, fontSize: 11, stroke: PANEL, strokeWidth: 3, paintOrder: 'stroke' }
    return [words(text, place.x, place.y, { ...look, textAnchor: place.anchor })]
  })
}

/** A ring where the choice is measured, else where it is predicted, with the reach of its likely range. */
function choiceShapes(
  { recipe, forecast }: { recipe: Recipe; forecast: Forecast },
  outlook: Outlook,
  frame: Frame,
  scale: UprightScale,
): Shape[] {
  const measured = outlook.byKey.get(recipeKey(recipe))
  const at = scale.of(measured?.perplexity ?? forecast.perplexity)
  if (at === undefined) return []
  const x = frame.x(measured?.bitsPerWeight ?? forecast.bitsPerWeight)
  const ring = choiceRing({ x, y: frame.y(at) })
  const [low, high] = [scale.of(forecast.low), scale.of(forecast.high)]
  if (measured || low === undefined || high === undefined) return [ring]
  const [from, to] = [frame.y(low), Math.max(frame.top, frame.y(high))]
  return [
    line(x, from, x, to, TEXT),
    line(x - 4, from, x + 4, from, TEXT),
    line(x - 4, to, x + 4, to, TEXT),
    { tag: 'circle', at: { cx: x, cy: frame.y(at), r: 3.5, fill: PANEL, stroke: TEXT, strokeWidth: 1.5 } },
    ring,
  ]
}
