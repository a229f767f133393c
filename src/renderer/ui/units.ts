/**
 * Numbers as a person reads them, each with its unit. Sizes are decimal (1 MB = 10^6 bytes), as disks and the papers of
 * this field count. Spaces before units do not break.
 */
const SPACE = '\u00a0'
const MINUS = '\u2212'

function scaled(value: number, units: readonly string[]): string {
  let index = 0
  while (value >= 999.5 && index < units.length - 1) {
    value /= 1000
    index++
  }
  const text = index === 0 ? String(Math.round(value)) : significant(value)
  const unit = units[index] ?? ''
  return unit === '' ? text : text + SPACE + unit
}

/** Three digits that mean something, trailing zeros kept so that columns agree. */
function significant(value: number): string {
  return value.toFixed(value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2)
}

export function size(bytes: number): string {
  return scaled(bytes, ['B', 'kB', 'MB', 'GB', 'TB'])
}

/** 4210000 → "4.21 M" */
export function count(value: number): string {
  return scaled(value, ['', 'k', 'M', 'B', 'T'])
}

/** Every digit, grouped. */
export function exact(value: number): string {
  return value.toLocaleString('en-US')
}

/** Three digits that mean something, in the unit that stands beside it: 1695.02 → "1,695", 10.84 → "10.8". */
export function figure(value: number): string {
  return value >= 99.95 ? exact(Math.round(value)) : significant(value)
}

/** More digits where a difference is small against the number, none that the measurement does not carry. */
export function perplexity(value: number): string {
  if (value >= 1e5) return value.toExponential(2).replace('e+', 'e')
  return value.toFixed(value >= 1000 ? 0 : value >= 100 ? 1 : value >= 10 ? 2 : 3)
}

export function bits(value: number): string {
  return value.toFixed(2)
}

/** 0.0045 → "0.45 %" */
export function percent(fraction: number, digits = 2): string {
  return `${trimmed(fraction * 100, digits)}${SPACE}%`
}

/** 0.5 → "50.0 %": for columns, where digits stand below one another. */
export function share(fraction: number): string {
  return `${(fraction * 100).toFixed(1)}${SPACE}%`
}

/** 0.021 → "+2.1 %", −0.001 → "−0.1 %" */
export function change(fraction: number): string {
  const points = fraction * 100
  const digits = Math.abs(points) >= 100 ? 0 : Math.abs(points) >= 0.095 ? 1 : 2
  const text = Math.abs(points).toFixed(digits)
  const sign = Number(text) === 0 ? '±' : points < 0 ? MINUS : '+'
  return `${sign}${text}${SPACE}%`
}

/** How many times smaller: "6.2×" */
export function ratio(value: number): string {
  return `${value.toFixed(value >= 10 ? 1 : 2)}×`
}

export function nats(value: number): string {
  return value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1).replace('-', MINUS) : value.toFixed(3)
}

export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}${SPACE}ms`
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)}${SPACE}s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes}${SPACE}min ${Math.floor(seconds % 60)}${SPACE}s`
  return `${Math.floor(minutes / 60)}${SPACE}h ${minutes % 60}${SPACE}min`
}

/** An estimate is not a stopwatch. */
export function timeLeft(ms: number): string {
  if (ms < 5_000) return 'a few seconds left'
  if (ms < 60_000) return `about ${Math.ceil(ms / 10_000) * 10}${SPACE}s left`
  if (ms < 3_600_000) return `about ${Math.round(ms / 60_000)}${SPACE}min left`
  return `about ${(ms / 3_600_000).toFixed(1)}${SPACE}h left`
}

export function rate(value: number, unit: string): string {
  return `${count(value)}${SPACE}${unit}`.replace(`${SPACE}${SPACE}`, SPACE)
}

const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' })
const moment = new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeStyle: 'medium' })

/** "5 minutes ago"; a date once it is more than a week. */
export function ago(thenMs: number, nowMs: number): string {
  const seconds = Math.max(0, (nowMs - thenMs) / 1000)
  if (seconds < 45) return 'just now'
  if (seconds < 3570) return relative.format(-Math.round(seconds / 60), 'minute')
  if (seconds < 86_400) return relative.format(-Math.round(seconds / 3600), 'hour')
  if (seconds < 7 * 86_400) return relative.format(-Math.round(seconds / 86_400), 'day')
  return day.format(thenMs)
}

const timeOfDay = new Intl.DateTimeFormat('en-GB', { timeStyle: 'medium' })

/** "14:03:27" */
export function clock(ms: number): string {
  return timeOfDay.format(ms)
}

/** Date and time in full. */
export function momentWords(ms: number): string {
  return moment.format(ms)
}

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)))
}
