/** Where an axis has its marks. */
export type Ticks = { ticks: number[]; domain: [number, number]; scale: 'linear' | 'log' }

const UNITS = [
  { unit: 'GB', divisor: 1e9 },
  { unit: 'MB', divisor: 1e6 },
  { unit: 'kB', divisor: 1e3 },
]

/** The unit in which the largest of these sizes is read best. */
export function sizeUnit(largest: number): { unit: string; divisor: number } {
  return UNITS.find(({ divisor }) => largest >= divisor) ?? { unit: 'B', divisor: 1 }
}

/** Of sizes in bytes: from zero, so that lengths mean what they look like. */
export function sizeTicks(sizes: readonly number[]): { unit: string; divisor: number; max: number; ticks: number[] } {
  const largest = Math.max(1000, ...sizes)
  const { unit, divisor } = sizeUnit(largest)
  const step = niceStep(largest / divisor / 5)
  const max = Math.ceil(((largest / divisor) * 1.04) / step) * step
  return { unit, divisor, max, ticks: range(0, max, step) }
}

/** Linear, or logarithmic once the worst is more than five times the best. */
export function perplexityTicks(values: readonly number[]): Ticks {
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

/** 1, 2, 5 of every power of ten; over many of them the powers alone. */
export function logTicks(low: number, high: number): Ticks {
  const powers = range(Math.floor(Math.log10(low)), Math.ceil(Math.log10(high)), 1)
  const digits = high / low > 3000 ? [1] : [1, 2, 5]
  const all = powers.flatMap((power) => digits.map((digit) => tidy(digit * 10 ** power)))
  const from = all.findLast((tick) => tick <= low * 0.97) ?? low
  const to = all.find((tick) => tick >= high * 1.03) ?? high
  return { ticks: all.filter((tick) => tick >= from && tick <= to), domain: [from, to], scale: 'log' }
}

/** Round numbers between two, about as many as asked for. */
export function linearTicks(from: number, to: number, count: number): number[] {
  const step = niceStep((to - from) / count)
  return range(Math.ceil(from / step - 1e-9) * step, Math.floor(to / step + 1e-9) * step, step)
}

/** The next of 1, 2, 2.5, 5 times a power of ten. */
function niceStep(rough: number): number {
  const power = 10 ** Math.floor(Math.log10(rough))
  return tidy(([1, 2, 2.5, 5, 10].find((digit) => digit * power >= rough * 0.999) ?? 10) * power)
}

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: Math.max(0, Math.round((to - from) / step) + 1) }, (_, index) =>
    tidy(from + index * step),
  )
}

/** Ticks with as many decimals as the finest of them needs, so that they line up. */
export function tickFormat(ticks: readonly number[]): (tick: number) => string {
  const decimals = Math.max(0, ...ticks.map((tick) => String(tick).split('.')[1]?.length ?? 0))
  return (tick) => tick.toFixed(decimals)
}

/** Without the dust of binary fractions. */
function tidy(value: number): number {
  return Number(value.toPrecision(10))
}
