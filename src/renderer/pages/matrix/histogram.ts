/** Counts in equally wide bins from low to high; the last bin holds high too. */
export type Histogram = { low: number; high: number; counts: readonly number[] }

/** The same between other borders: a bin that lies across one gives each side its share. What is outside is left out. */
export function rebin({ low, high, counts }: Histogram, from: number, to: number, bins: number): number[] {
  const out = new Array<number>(bins).fill(0)
  const width = (high - low) / counts.length
  for (const [index, count] of counts.entries()) {
    if (count === 0) continue
    const begin = ((low + index * width - from) / (to - from)) * bins
    const end = width > 0 ? ((low + (index + 1) * width - from) / (to - from)) * bins : begin
    if (end <= begin) {
      // All weights are the same.
      const at = Math.floor(begin)
      if (at >= 0 && at < bins) out[at] = (out[at] ?? 0) + count
      continue
    }
    for (let bin = Math.max(0, Math.floor(begin)); bin < Math.min(bins, end); bin++) {
      const overlap = Math.min(end, bin + 1) - Math.max(begin, bin)
      out[bin] = (out[bin] ?? 0) + (count * overlap) / (end - begin)
    }
  }
  return out
}

export function histogramOf(values: ArrayLike<number>, low: number, high: number, bins: number): Histogram {
  const counts = new Array<number>(bins).fill(0)
  for (let i = 0; i < values.length; i++) {
    const place = (((values[i] ?? 0) - low) / (high - low || 1)) * bins
    if (place < 0 || place > bins) continue
    const bin = Math.min(bins - 1, Math.floor(place))
    counts[bin] = (counts[bin] ?? 0) + 1
  }
  return { low, high, counts }
}

/** About `count` round numbers within from..to. */
export function roundTicks(from: number, to: number, count: number): number[] {
  const rough = (to - from) / count
  if (!(rough > 0)) return [from]
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) ?? rough
  const first = Math.ceil(from / step - 1e-9)
  const last = Math.floor(to / step + 1e-9)
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step)
}
