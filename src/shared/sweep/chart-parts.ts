import type { Axis } from '../charts/frame.ts'
import { TEXT, widthColor } from '../charts/palette.ts'
import { pathOf, polyline, words, type Place, type Shape } from '../charts/scene.ts'
import { logTicks, perplexityTicks, tickFormat } from '../charts/ticks.ts'
import type { Recipe } from '../contract/sidecar/quantization.ts'
import type { SweepChoices } from '../contract/studio/sweep.ts'
import { change, perplexity, percent } from '../units.ts'
import { checkpointPerplexity, isUniform, type Forecast, type Measured, type Outlook } from './outlook.ts'

/** What stands upright: perplexity itself, or by how much it is above the checkpoint's. */
export type Upright = SweepChoices['axis']

export type UprightScale = {
  /** Undefined where it cannot be shown: not measured, diverged, or no rise on a scale of rises. */
  of: (perplexity: number | undefined) => number | undefined
  /** The axis that holds these perplexities. */
  axis: (perplexities: readonly number[]) => Axis
}

export function uprightScale(outlook: Outlook, upright: Upright): UprightScale {
  const base = checkpointPerplexity(outlook)
  const rise = upright === 'rise' && base !== undefined
  const of = (value: number | undefined) => {
    if (value === undefined || !Number.isFinite(value)) return undefined
    if (!rise) return value
    // Less than a hundredth of a percent is below what a text of this length tells.
    return value / base - 1 >= 1e-4 ? value / base - 1 : undefined
  }
  return {
    of,
    axis(perplexities) {
      const values = perplexities.flatMap((value) => of(value) ?? [])
      const safe = values.length > 0 ? values : [rise ? 0.01 : 1]
      const { ticks, domain, scale } = rise
        ? logTicks(Math.min(...safe), Math.max(...safe))
        : perplexityTicks([...safe, ...(base === undefined ? [] : [base])])
      const warp = scale === 'log' ? Math.log : undefined
      return {
        words: rise ? 'Rise of the perplexity' : 'Perplexity',
        domain: rise || base === undefined ? domain : withRoomBelow(base, domain, warp),
        ticks,
        format: rise ? (tick) => percent(tick) : tickFormat(ticks),
        warp,
      }
    },
  }
}

/** Lower where the line of the checkpoint would lie so low that its name had no place under it. */
function withRoomBelow(
  base: number,
  [low, high]: [number, number],
  warp?: (value: number) => number,
): [number, number] {
  const room = 0.1
  if (warp) return [Math.min(low, Math.exp((Math.log(base) - room * Math.log(high)) / (1 - room))), high]
  return [Math.min(low, (base - room * high) / (1 - room)), high]
}

/** "3-bit + 0.45 %", or that widths differ. */
export function recipeName(recipe: Recipe): string {
  if (!isUniform(recipe)) return 'Mixed widths'
  return recipe.sparsity > 0 ? `${recipe.bits}-bit + ${percent(recipe.sparsity)}` : `${recipe.bits}-bit`
}

/** What a measured point says of itself. */
export function measuredLines(outlook: Outlook, { perplexity: value, klMean }: Measured): string[] {
  const base = checkpointPerplexity(outlook)
  if (value === undefined) return ['diverged, measured']
  const rise = base === undefined ? '' : `, ${change(value / base - 1)}`
  return [
    `perplexity ${perplexity(value)}${rise}, measured`,
    ...(klMean === undefined ? [] : [`KL ${klMean.toFixed(4)} nats/token`]),
  ]
}

/** What a predicted point says of itself. */
export function predictedLines({ perplexity: value, low, high, extrapolates }: Forecast): string[] {
  if (value === undefined) return ['not predicted before a point is measured']
  return [
    `perplexity ${perplexity(value)}, predicted`,
    ...(low === undefined || high === undefined ? [] : [`likely ${perplexity(low)} to ${perplexity(high)}`]),
    ...(extrapolates ? ['beyond what was measured'] : []),
  ]
}

/** A place of a predicted line, in pixels. */
export type Foretold = Place & { low: number | undefined; high: number | undefined; extrapolates: boolean }

/** The likely range as an area: from the lower ends of the band and back along the upper ones. */
export function bandArea(places: readonly Foretold[], fill: string, fillOpacity: number): Shape | undefined {
  const banded = places.flatMap(({ x, low, high }) =>
    low === undefined || high === undefined ? [] : [{ x, low, high }],
  )
  if (banded.length < 2) return undefined
  const outline = [
    ...banded.map(({ x, high }) => ({ x, y: high })),
    ...banded.toReversed().map(({ x, low }) => ({ x, y: low })),
  ]
  return { tag: 'path', at: { d: `${pathOf(outline)}Z`, fill, fillOpacity, stroke: 'none' } }
}

/** Thin where it stands on measured points; dotted where it goes beyond them. */
export function predictedLine(places: readonly Foretold[], stroke: string, strokeWidth: number): (Shape | undefined)[] {
  const pieces: { extrapolates: boolean; places: Foretold[] }[] = []
  for (const [index, place] of places.entries()) {
    const before = places[index - 1]
    if (!before) continue
    const extrapolates = before.extrapolates || place.extrapolates
    const last = pieces.at(-1)
    if (last?.extrapolates === extrapolates) last.places.push(place)
    else pieces.push({ extrapolates, places: [before, place] })
  }
  return pieces.map(({ extrapolates, places: piece }) =>
    polyline(
      piece,
      extrapolates
        ? { stroke, strokeWidth: strokeWidth + 0.5, strokeDasharray: '0.1 4.5', strokeLinecap: 'round' }
        : { stroke, strokeWidth },
    ),
  )
}

/** Filled, so that it cannot be taken for a prediction; a diamond where widths differ, a square by another method. */
export function measuredMark({ x, y }: Place, recipe: Recipe, radius = 4.5): Shape {
  const fill = widthColor(recipe.bits)
  if (!isUniform(recipe)) {
    const reach = radius + 1.5
    return {
      tag: 'path',
      at: { d: `M${x} ${y - reach}l${reach} ${reach}l${-reach} ${reach}l${-reach} ${-reach}z`, fill: 'var(--accent)' },
    }
  }
  if (recipe.method === 'squeezellm') return { tag: 'circle', at: { cx: x, cy: y, r: radius, fill } }
  return { tag: 'rect', at: { x: x - radius, y: y - radius, width: 2 * radius, height: 2 * radius, fill } }
}

export function choiceRing({ x, y }: Place): Shape {
  return { tag: 'circle', at: { cx: x, cy: y, r: 8, fill: 'none', stroke: TEXT, strokeWidth: 1.5 } }
}

/** The checkpoint's own perplexity, as a line across. */
export function checkpointLine(at: { left: number; right: number; y: number }, text: string): Shape[] {
  return [
    {
      tag: 'line',
      at: { x1: at.left, x2: at.right, y1: at.y, y2: at.y, stroke: TEXT, strokeWidth: 1, strokeOpacity: 0.55 },
    },
    words(text, at.left + 6, at.y + 9, { fill: TEXT, fontSize: 11, fillOpacity: 0.8 }),
  ]
}
