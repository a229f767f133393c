/** Nine stops of viridis (van der Walt and Smith, matplotlib): even to the eye, and for those who see few colours. */
const STOPS = ['#440154', '#472d7b', '#3b528b', '#2c728e', '#21918c', '#28ae80', '#5ec962', '#addc30', '#fde725']

const channel = (stop: string, at: number) => Number.parseInt(stop.slice(at, at + 2), 16)

/** The colour of a share of the scale, 0..1. */
export function viridis(share: number): string {
  const place = Math.min(1, Math.max(0, share)) * (STOPS.length - 1)
  const index = Math.min(STOPS.length - 2, Math.floor(place))
  const [from = '', to = ''] = STOPS.slice(index, index + 2)
  const mixed = [1, 3, 5].map((at) => {
    const begin = channel(from, at)
    return Math.round(begin + (channel(to, at) - begin) * (place - index))
  })
  return `rgb(${mixed.join(' ')})`
}

/** The whole scale from left to right, for a legend. */
export const VIRIDIS_GRADIENT = `linear-gradient(to right, ${STOPS.join(', ')})`

/** Black or white, whichever is read better on an opaque colour written as #rrggbb or rgb(r g b). */
export function inkOn(colour: string): string {
  const parts = colour.startsWith('#')
    ? [1, 3, 5].map((at) => channel(colour, at))
    : (colour.match(/\d+/g) ?? []).map(Number)
  const [red = 0, green = 0, blue = 0] = parts.map((part) => {
    const share = part / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  // The luminance at which both give the same contrast (WCAG 2.2).
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? '#000000' : '#ffffff'
}
