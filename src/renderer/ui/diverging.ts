/** Blue through grey to orange (PuOr and RdBu, ColorBrewer): told apart by those who see few colours. */
const STOPS = [
  [33, 102, 172],
  [214, 217, 221],
  [179, 88, 6],
] as const

/** The colour of a share of the scale: 0 lowest, 0.5 no difference, 1 highest. */
export function diverging(share: number): string {
  const place = Math.min(1, Math.max(0, share)) * 2
  const [from, to] = place < 1 ? [STOPS[0], STOPS[1]] : [STOPS[1], STOPS[2]]
  const mixed = from.map((begin, index) =>
    Math.round(begin + ((to[index] ?? begin) - begin) * (place % 1 || Number(place === 2))),
  )
  return `rgb(${mixed.join(' ')})`
}

export const DIVERGING_GRADIENT = `linear-gradient(to right, ${STOPS.map((stop) => `rgb(${stop.join(' ')})`).join(', ')})`
