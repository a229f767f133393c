import { count, MINUS, SPACE } from '../../shared/units.ts'

/** Numbers as a person reads them: those that reports write too, and those that only a page has. */
export { bits, change, count, exact, figure, percent, perplexity, ratio, share, size } from '../../shared/units.ts'

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
