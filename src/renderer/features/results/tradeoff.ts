import type { CheckpointFacts } from '../../../shared/contract/studio/index.ts'
import type { Comparison } from './comparison.ts'
import { methodWords, recipeBrief, series } from './recipe-words.ts'

export type Point = {
  key: string
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

const UNITS = [
  { unit: 'GB', divisor: 1e9 },
  { unit: 'MB', divisor: 1e6 },
  { unit: 'kB', divisor: 1e3 },
]

/** From zero, so that lengths mean what they look like; MB unless that makes for unreadable numbers. */
export function sizeAxis(points: Point[]): { unit: string; divisor: number; max: number; ticks: number[] } {
  const largest = Math.max(1000, ...points.map(({ sizeBytes }) => sizeBytes))
  const { unit, divisor } = UNITS.find(({ divisor }) => largest >= divisor) ?? { unit: 'B', divisor: 1 }
  const step = niceStep(largest / divisor / 5)
  const max = Math.ceil(((largest / divisor) * 1.04) / step) * step
  return { unit, divisor, max, ticks: range(0, max, step) }
}

/** Linear, or logarithmic once the worst is more than five times the best. */
export function perplexityTicks(points: readonly { perplexity: number }[]): {
  ticks: number[]
  domain: [number, number]
  scale: 'linear' | 'log'
} {
  const values = points.map(({ perplexity }) => perplexity)
  const low = Math.min(...values)
  const high = Math.max(...values)
  if (high / low > 5) return logTicks(low, high)
  const step = niceStep(Math.max(high - low, high * 0.02) / 4)
  const domain: [number, number] = [
    tidy(Math.floor((low - step * 0.3) / step) * step),
    tidy(Math.ceil((high + step * 0.3) / step) * step),
  ]
  return { ticks: range(domain[0], domain[1], step), domain, scale: 'linear' }
}

function logTicks(low: number, high: number): { ticks: number[]; domain: [number, number]; scale: 'log' } {
  const all: number[] = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
    for (const digit of [1, 2, 5]) all.push(tidy(digit * 10 ** power))
  }
  const from = all.findLast((tick) => tick <= low * 0.97) ?? low
  const to = all.find((tick) => tick >= high * 1.03) ?? high
  return { ticks: all.filter((tick) => tick >= from && tick <= to), domain: [from, to], scale: 'log' }
}

/** The next of 1, 2, 2.5, 5 times a power of ten. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  return tidy(([1, 2, 2.5, 5, 10].find((digit) => digit * power >= rough) ?? 10) * power)
}

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.round((to - from) / step) + 1 }, (_, index) => tidy(from + index * step))
}

/** Ticks with as many decimals as the finest of them needs, so that they line up. */
export function tickFormat(ticks: number[]): (tick: number) => string {
  const decimals = Math.max(0, ...ticks.map((tick) => String(tick).split('.')[1]?.length ?? 0))
  return (tick) => tick.toFixed(decimals)
}

/** Without the dust of binary fractions. */
function tidy(value: number): number {
  return Number(value.toPrecision(10))
}
