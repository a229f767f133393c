import { isAbsolute, relative } from 'node:path'

const STEPS = ['B', 'KiB', 'MiB', 'GiB', 'TiB']

/** "6.63 MiB": three digits that matter. */
export function bytes(count: number): string {
  const step = Math.min(STEPS.length - 1, Math.floor(Math.log2(Math.max(count, 1)) / 10))
  return step === 0 ? `${count} B` : `${digits(count / 1024 ** step)} ${STEPS[step] ?? ''}`
}

/** "3.32 M", "6.74 B": parameters and weights. */
export function count(value: number): string {
  if (value >= 1e9) return `${digits(value / 1e9)} B`
  if (value >= 1e6) return `${digits(value / 1e6)} M`
  if (value >= 1e3) return `${digits(value / 1e3)} k`
  return String(value)
}

/** "820 ms", "12.3 s", "4 min 05 s", "2 h 10 min". */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  const seconds = ms / 1000
  if (seconds < 60) return `${seconds.toFixed(1)} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${String(Math.floor(seconds % 60)).padStart(2, '0')} s`
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`
}

export function percent(fraction: number): string {
  return `${Number((fraction * 100).toPrecision(3))}%`
}

export function bitsPerWeight(bits: number): string {
  return `${bits.toFixed(2)} bits/weight`
}

export function perplexity(value: number | undefined): string {
  return value === undefined ? 'diverged' : value.toFixed(value < 1000 ? 3 : 0)
}

/** "1.2 M weights/s" */
export function rate(value: number, unit: string): string {
  return `${count(value >= 100 ? Math.round(value) : Number(value.toPrecision(3)))} ${unit}`
}

/** The path from where the person stands, when that is shorter. */
export function shownPath(path: string, from = process.cwd()): string {
  if (!isAbsolute(path)) return path
  const near = relative(from, path) || '.'
  return near.length < path.length ? near : path
}

/** Three digits that matter, thousands set apart when there are more. */
export function digits(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString('en-US')
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
