import { makeFrame, type Frame, type Size } from '../charts/frame.ts'
import { PANEL, TEXT, widthColor } from '../charts/palette.ts'
import { group, words, type Scene, type Shape } from '../charts/scene.ts'
import type { Target } from '../charts/target.ts'
import type { Recipe } from '../contract/sidecar/quantization.ts'
import { percent, perplexity, size as bytes } from '../units.ts'
import {
  bandArea,
  checkpointLine,
  choiceRing,
  measuredLines,
  measuredMark,
  predictedLine,
  predictedLines,
  recipeName,
  uprightScale,
  type Foretold,
  type Upright,
  type UprightScale,
} from './chart-parts.ts'
import { checkpointPerplexity, isOnCurve, type Curve, type Measured, type Outlook } from './outlook.ts'
import { recipeKey } from './plan.ts'

export type SparsityChartInput = Size & {
  outlook: Outlook
  upright: Upright
  /** The width whose band stands out. */
  bits?: number | undefined
  /** What is chosen, where all matrices are alike. */
  chosen?: Recipe | undefined
}

export type Drawn = { scene: Scene; targets: Target<Recipe>[] }

const MARGINS = { top: 14, right: 56, bottom: 40, left: 62 }
const LABEL_PX = 14
/** Ends nearer than this look like one. */
const SAME_PX = 6
/** Bands of five curves that all stood out would hide one another. */
const QUIET_BAND = 0.07
const LOUD_BAND = 0.24

/** Perplexity against sparsity, a curve for each width: thin and with its likely range predicted, as dots measured. */
export function sparsityChart({ outlook, upright, bits, chosen, ...size }: SparsityChartInput): Drawn {
  const measured = outlook.points.filter(({ recipe }) => isOnCurve(outlook, recipe))
  const scale = uprightScale(outlook, upright)
  const values = [
    ...measured.map((point) => point.perplexity),
    ...outlook.curves.flatMap(({ places }) => places.map((place) => place.perplexity)),
  ]
  const sparsities = outlook.table.sparsities
  const frame = makeFrame(size, MARGINS, {
    x: {
      words: 'Weights kept exactly (root scale)',
      domain: [0, Math.max(...sparsities, 1e-3)],
      ticks: sparsities,
      format: (tick) => percent(tick),
      // A root spreads the small sparsities, where most happens.
      warp: Math.sqrt,
    },
    y: scale.axis(values.flatMap((value) => value ?? [])),
  })
  const curves = outlook.curves.map((curve) => ({ curve, line: lineOf(curve, frame, scale) }))
  const targets = targetsOf(outlook, frame, scale)
  const base = scale.of(checkpointPerplexity(outlook))
  const clip = `sparsity-${upright}`
  const ring = chosen && targets.find(({ id }) => id === recipeKey(chosen))
  return {
    targets,
    scene: {
      ...size,
      label: `Perplexity against sparsity, ${measured.length} measured points`,
      shapes: [
        { tag: 'clipPath', at: { id: clip }, children: [plane(frame)] },
        ...frame.shapes,
        group(
          [
            ...curves.map(({ curve, line }) =>
              bandArea(line, widthColor(curve.bits), curve.bits === bits ? LOUD_BAND : QUIET_BAND),
            ),
            ...curves.flatMap(({ curve, line }) =>
              predictedLine(line, widthColor(curve.bits), curve.bits === bits ? 2 : 1.25),
            ),
          ],
          { clipPath: `url(#${clip})` },
        ),
        ...(base === undefined || upright === 'rise'
          ? []
          : checkpointLine({ ...frame, y: frame.y(base) }, 'checkpoint, measured')),
        ...endLabels(curves, frame),
        ...targets.flatMap(({ measuredPoint, ...place }) =>
          measuredPoint ? [measuredMark(place, measuredPoint.recipe)] : [],
        ),
        ring && choiceRing(ring),
      ],
    },
  }
}

export function plane({ left, right, top, bottom }: Frame): Shape {
  return { tag: 'rect', at: { x: left, y: top, width: right - left, height: bottom - top } }
}

function lineOf({ places }: Curve, frame: Frame, scale: UprightScale): Foretold[] {
  return places.flatMap(({ sparsity, perplexity: value, low, high, extrapolates }) => {
    const at = scale.of(value)
    if (at === undefined) return []
    const place = (end: number | undefined) => {
      const found = scale.of(end)
      // A band that reaches below the lowest rise there can be ends at the floor of the chart.
      return found === undefined ? (end === undefined ? undefined : frame.bottom) : frame.y(found)
    }
    return [{ x: frame.x(sparsity), y: frame.y(at), low: place(low), high: place(high), extrapolates }]
  })
}

/** One for each width and tabulated sparsity, where it was measured, else where it is predicted; and what else was measured. */
function targetsOf(
  outlook: Outlook,
  frame: Frame,
  scale: UprightScale,
): (Target<Recipe> & { measuredPoint?: Measured })[] {
  const seen = new Set<string>()
  const predicted = outlook.curves.flatMap(({ bits, places }) =>
    places.flatMap((place) => {
      const { recipe, sparsity } = place
      const id = recipeKey(recipe)
      const point = outlook.byKey.get(id)
      const at = scale.of(point ? point.perplexity : place.perplexity)
      seen.add(id)
      if (at === undefined) return []
      const lines = [
        ...(point ? measuredLines(outlook, point) : []),
        ...(point && place.perplexity !== undefined
          ? [`predicted ${perplexity(place.perplexity)}`]
          : point
            ? []
            : predictedLines(place)),
        `${bytes(place.sizeBytes)}, ${place.bitsPerWeight.toFixed(2)} bits per weight`,
      ]
      const about = { id, title: recipeName(recipe), lines, series: String(bits), value: recipe }
      return [{ ...about, x: frame.x(sparsity), y: frame.y(at), ...(point ? { measuredPoint: point } : {}) }]
    }),
  )
  const others = outlook.points.flatMap((point) => {
    const { recipe } = point
    const id = recipeKey(recipe)
    const at = scale.of(point.perplexity)
    if (!isOnCurve(outlook, recipe) || seen.has(id) || at === undefined) return []
    const lines = [
      ...measuredLines(outlook, point),
      `${bytes(point.sizeBytes)}, ${point.bitsPerWeight.toFixed(2)} bits per weight`,
    ]
    const about = { id, title: recipeName(recipe), lines, series: String(recipe.bits), value: recipe }
    return [{ ...about, x: frame.x(recipe.sparsity), y: frame.y(at), measuredPoint: point }]
  })
  // Rows of the keyboard go from the upper curve to the lower one, and each from left to right.
  return [...predicted, ...others].sort((a, b) => Number(a.series) - Number(b.series) || a.x - b.x)
}

/** The widths' names at the ends of their curves, kept apart where those come close; curves that end as one share a name. */
function endLabels(curves: readonly { curve: Curve; line: Foretold[] }[], frame: Frame): Shape[] {
  const ends = curves
    .flatMap(({ curve, line }) => {
      const last = line.at(-1)
      return last ? [{ bits: curve.bits, y: Math.min(frame.bottom, Math.max(frame.top, last.y)) }] : []
    })
    .sort((a, b) => b.y - a.y)
  const names: { bits: number[]; y: number }[] = []
  for (const { bits, y } of ends) {
    const below = names.at(-1)
    if (below && below.y - y < SAME_PX) below.bits.push(bits)
    else names.push({ bits: [bits], y })
  }
  // From below up, so that the crowd at the bottom never leaves the plane.
  let below = frame.bottom + LABEL_PX
  return names.map(({ bits, y }) => {
    below = Math.min(y, below - LABEL_PX)
    const [least, most] = [Math.min(...bits), Math.max(...bits)]
    return words(least === most ? `${least}-bit` : `${least}–${most}-bit`, frame.right + 7, below, {
      fill: TEXT,
      stroke: PANEL,
      strokeWidth: 3,
      paintOrder: 'stroke',
    })
  })
}
