/**
 * Numbers as a person reads them, each with its unit. Sizes are decimal (1 MB = 10^6 bytes), as disks and the papers of
 * this field count. Spaces before units do not break.
 */
export const SPACE = '\u00a0'
export const MINUS = '\u2212'

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

function trimmed(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)))
}
