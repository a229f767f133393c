/** Neighbouring channels that share one column of the screen. */
export type StripBin = {
  first: number
  /** One past the last. */
  end: number
  /** The one with the most. */
  top: number
  value: number
}

/** At most `most` bins of neighbours, as equal as can be. */
export function stripBins(values: ArrayLike<number>, most: number): StripBin[] {
  const bins = Math.max(1, Math.min(values.length, Math.floor(most)))
  return Array.from({ length: values.length === 0 ? 0 : bins }, (_, index) => {
    const first = Math.floor((index * values.length) / bins)
    const end = Math.floor(((index + 1) * values.length) / bins)
    let top = first
    for (let at = first; at < end; at++) if ((values[at] ?? 0) > (values[top] ?? 0)) top = at
    return { first, end, top, value: values[top] ?? 0 }
  })
}

/** Which bin of as many a channel falls in. */
export function binOf(bins: readonly StripBin[], channel: number): number {
  return bins.findIndex(({ first, end }) => channel >= first && channel < end)
}

/** The share of the sum that the largest values carry, as many of them as `fraction` of all, at least one. */
export function topShare(values: ArrayLike<number>, fraction: number): { count: number; share: number } {
  const count = Math.max(1, Math.round(values.length * fraction))
  const sorted = Float64Array.from(values).sort().reverse()
  const sum = sorted.reduce((total, value) => total + value, 0)
  const top = sorted.subarray(0, count).reduce((total, value) => total + value, 0)
  return { count, share: sum > 0 ? top / sum : 0 }
}
