import { DIMMED, LINE, LINE_STRONG } from './palette.ts'
import { group, words, type Shape } from './scene.ts'

export type Axis = {
  words: string
  domain: [number, number]
  ticks: readonly number[]
  format: (tick: number) => string
  /** Before it is placed: a root or a logarithm. */
  warp?: ((value: number) => number) | undefined
}

export type Size = { width: number; height: number }
export type Margins = { top: number; right: number; bottom: number; left: number }

/** The plane of a chart with its axes: where values lie on it, and what is drawn around. */
export type Frame = Margins & {
  x: (value: number) => number
  y: (value: number) => number
  /** Whether a value of the upright axis lies on the plane. */
  holds: (value: number) => boolean
  shapes: Shape[]
}

const TICK_GAP = 8

export function makeFrame(size: Size, margins: Margins, axes: { x: Axis; y: Axis; above?: Axis | undefined }): Frame {
  const edge = { ...margins, right: size.width - margins.right, bottom: size.height - margins.bottom }
  const x = placer(axes.x, edge.left, edge.right)
  const y = placer(axes.y, edge.bottom, edge.top)
  const middle = (edge.left + edge.right) / 2
  const centre = (edge.top + edge.bottom) / 2
  const quiet = { fill: DIMMED }
  const shapes: Shape[] = [
    ...axes.y.ticks.map((tick) => line(edge.left, y(tick), edge.right, y(tick), LINE, '2 4')),
    ...axes.x.ticks.map((tick) => line(x(tick), edge.top, x(tick), edge.bottom, LINE, '2 4')),
    line(edge.left, edge.bottom, edge.right, edge.bottom, LINE_STRONG),
    ...axes.y.ticks.map((tick) =>
      words(axes.y.format(tick), edge.left - TICK_GAP, y(tick), { ...quiet, textAnchor: 'end' }),
    ),
    ...spaced(axes.x.ticks, x, axes.x.format).map((tick) =>
      words(axes.x.format(tick), x(tick), edge.bottom + 14, { ...quiet, textAnchor: 'middle' }),
    ),
    words(axes.x.words, middle, size.height - 9, { ...quiet, textAnchor: 'middle' }),
    words(axes.y.words, 10, centre, { ...quiet, textAnchor: 'middle', transform: `rotate(-90 10 ${centre})` }),
  ]
  if (axes.above) shapes.push(above(axes.above, edge))
  const [low, high] = axes.y.domain
  return { ...edge, x, y, shapes, holds: (value) => value >= low && value <= high }
}

/** A second axis along the upper edge: other words for the same places. */
function above(axis: Axis, edge: Margins): Shape {
  const x = placer(axis, edge.left, edge.right)
  return group([
    ...spaced(axis.ticks, x, axis.format).map((tick) =>
      group([
        line(x(tick), edge.top - 4, x(tick), edge.top, LINE_STRONG),
        words(axis.format(tick), x(tick), edge.top - 12, { fill: DIMMED, textAnchor: 'middle' }),
      ]),
    ),
    line(edge.left, edge.top, edge.right, edge.top, LINE_STRONG),
    words(axis.words, (edge.left + edge.right) / 2, 8, { fill: DIMMED, textAnchor: 'middle' }),
  ])
}

function placer({ domain: [low, high], warp = (value) => value }: Axis, from: number, to: number) {
  const [start, span] = [warp(low), warp(high) - warp(low) || 1]
  return (value: number) => from + ((warp(value) - start) / span) * (to - from)
}

/** A letter is about this wide; a little too wide only keeps labels further apart. */
export const LETTER_PX = 6.5

/** Ticks whose words do not run into one another. */
function spaced(ticks: readonly number[], place: (tick: number) => number, format: (tick: number) => string): number[] {
  let end = -Infinity
  return ticks.filter((tick) => {
    const half = (format(tick).length * LETTER_PX) / 2
    if (place(tick) - half < end + 4) return false
    end = place(tick) + half
    return true
  })
}

export function line(x1: number, y1: number, x2: number, y2: number, stroke: string, strokeDasharray?: string): Shape {
  return { tag: 'line', at: { x1, y1, x2, y2, stroke, strokeDasharray } }
}
