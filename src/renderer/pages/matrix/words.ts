import { scientific } from '../../features/matrices/scales.ts'

/** What F is counted in: the loss is a sum of nats, and F the mean square of its gradient. */
export const F_UNIT = 'nats² per squared weight'

/** A weight with its sign: "−0.0312". */
export function weightWords(value: number): string {
  const magnitude = Math.abs(value)
  const words = magnitude >= 0.001 && magnitude < 0.01 ? magnitude.toPrecision(3) : scientific(magnitude)
  return value < 0 ? `\u2212${words}` : words
}

/** 0.0954 → "9.54 %", for columns of small and large ones. */
export function errorWords(fraction: number): string {
  return `${(fraction * 100).toFixed(2)}\u00a0%`
}
