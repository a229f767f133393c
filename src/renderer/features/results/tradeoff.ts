import { makeFrame, type Size } from '../../../shared/charts/frame.ts'
import { placeLabels } from '../../../shared/charts/label-placement.ts'
import { PANEL, TEXT } from '../../../shared/charts/palette.ts'
import { words, type Place, type Scene, type Shape } from '../../../shared/charts/scene.ts'
import type { Target } from '../../../shared/charts/target.ts'
import { perplexityTicks, sizeTicks, tickFormat } from '../../../shared/charts/ticks.ts'
import type { TableRecord } from '../../../shared/export/table-text.ts'
import type { CheckpointFacts } from '../../../shared/contract/studio/index.ts'
import { perplexity, size as bytes } from '../../ui/units.ts'
import type { Comparison } from './comparison.ts'
import { methodWords, recipeBrief, series } from './recipe-words.ts'

export type Point = {
  key: string
  /** Of the result; none of the checkpoint. */
  resultId?: number
  label: string
  series: 'checkpoint' | 'squeezellm' | 'rtn' | 'other'
  sizeBytes: number
  bitsPerWeight?: number
  perplexity: number
}

/** What the chart shows of a comparison: models with a finite perplexity under its stamp, checkpoint first. */
export function tradeoffPoints(checkpoint: CheckpointFacts, { before, rows }: Comparison): Point[] {
  const points: Point[] = rows.flatMap(({ result, evaluation }) =>
    evaluation?.perplexity === undefined
      ? []
      : [
          {
            key: `result-${result.id}`,
            resultId: result.id,
            label: `${methodWords(result.recipe)} ${recipeBrief(result.recipe)}`,
            series: series(result.recipe),
            sizeBytes: result.sizeBytes,
            bitsPerWeight: result.bitsPerWeight,
            perplexity: evaluation.perplexity,
          },
        ],
  )
  if (before === undefined) return points
  const label = `Checkpoint ${checkpoint.dtype}`
  return [
    { key: 'checkpoint', label, series: 'checkpoint', sizeBytes: checkpoint.sizeBytes, perplexity: before },
    ...points,
  ]
}

const MARGINS = { top: 14, right: 20, bottom: 40, left: 62 }

/** Size against perplexity: the checkpoint and each result measured in the same way. Lower left is better. */
export function tradeoffChart(
  points: readonly Point[],
  textName: string,
  size: Size,
): { scene: Scene; targets: Target<Point>[] } {
  const sizes = sizeTicks(points.map(({ sizeBytes }) => sizeBytes))
  const { ticks, domain, scale } = perplexityTicks(points.map((point) => point.perplexity))
  const frame = makeFrame(size, MARGINS, {
    x: {
      words: `Size on disk (${sizes.unit})`,
      domain: [0, sizes.max],
      ticks: sizes.ticks,
      format: tickFormat(sizes.ticks),
    },
    y: {
      words: `Perplexity on ${textName}`,
      domain,
      ticks,
      format: tickFormat(ticks),
      warp: scale === 'log' ? Math.log : undefined,
    },
  })
  const targets = points.map((point): Target<Point> => ({
    id: point.key,
    x: frame.x(point.sizeBytes / sizes.divisor),
    y: frame.y(point.perplexity),
    title: point.label,
    lines: [
      bytes(point.sizeBytes) +
        (point.bitsPerWeight === undefined ? '' : `, ${point.bitsPerWeight.toFixed(2)} bits per weight`),
      `perplexity ${perplexity(point.perplexity)}, measured`,
    ],
    series: 'all',
    value: point,
  }))
  const label = `Size against perplexity of ${points.length} models, as in the table below`
  const marks = targets.map(({ value, ...place }) => mark(place, value.series))
  return { scene: { ...size, label, shapes: [...frame.shapes, ...marks, ...labels(targets, frame)] }, targets }
}

/** Colour and shape say the method, so that neither is needed alone. */
function mark({ x, y }: Place, of: Point['series']): Shape {
  if (of === 'checkpoint')
    return { tag: 'circle', at: { cx: x, cy: y, r: 5, fill: PANEL, stroke: TEXT, strokeWidth: 2 } }
  const fill = `var(--series-${of})`
  if (of === 'rtn') return { tag: 'rect', at: { x: x - 4.5, y: y - 4.5, width: 9, height: 9, rx: 1, fill } }
  if (of === 'other') return { tag: 'path', at: { d: `M${x} ${y - 6}l5.5 10h-11z`, fill } }
  return { tag: 'circle', at: { cx: x, cy: y, r: 5, fill } }
}

/** Inter at 12 px is about this wide a letter; a little too wide only keeps labels further apart. */
const textWidth = (text: string) => text.length * 6.5

function labels(
  targets: readonly Target<Point>[],
  { left, right, top, bottom }: { left: number; right: number; top: number; bottom: number },
): Shape[] {
  const area = { x: left + 2, y: top, width: right - left + 14, height: bottom - top }
  const places = placeLabels(
    targets.map(({ x, y, title }) => ({ x, y, text: title })),
    area,
    textWidth,
  )
  const halo = { fill: TEXT, stroke: PANEL, strokeWidth: 3, paintOrder: 'stroke' }
  return places.flatMap((place, index) =>
    place ? [words(targets[index]?.title ?? '', place.x, place.y, { ...halo, textAnchor: place.anchor })] : [],
  )
}

/** The chart's numbers. */
export function tradeoffRecords(points: readonly Point[]): TableRecord[] {
  return points.map((point) => ({
    model: point.label,
    sizeBytes: point.sizeBytes,
    bitsPerWeight: point.bitsPerWeight ?? null,
    perplexity: point.perplexity,
  }))
}
