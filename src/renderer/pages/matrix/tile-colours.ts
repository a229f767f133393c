import { diverging } from '../../ui/diverging.ts'
import { viridis } from '../../../shared/charts/viridis.ts'

/** 0..1 of a value, and the colours between. */
export type Shading = { share: (value: number) => number; colours: Uint8ClampedArray }

const STEPS = 256

function table(colour: (share: number) => string): Uint8ClampedArray {
  const channels = Array.from({ length: STEPS }, (_, index) =>
    colour(index / (STEPS - 1))
      .match(/\d+/g)
      ?.map(Number),
  )
  return Uint8ClampedArray.from(channels.flatMap((rgb) => rgb ?? []))
}

const VIRIDIS = table(viridis)
const DIVERGING = table(diverging)

/** Logarithmic from low to high; both above 0. */
export function sensitivityShading(low: number, high: number): Shading {
  const [from, span] = [Math.log(low), Math.log(high) - Math.log(low)]
  return { share: (value) => (value <= low || !(span > 0) ? 0 : (Math.log(value) - from) / span), colours: VIRIDIS }
}

/** Zero in the middle. */
export function weightShading(most: number): Shading {
  return { share: (value) => (most > 0 ? (value / most + 1) / 2 : 0.5), colours: DIVERGING }
}

/** Pixels as a canvas takes them. */
export function paint(cells: Float32Array, { share, colours }: Shading): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(cells.length * 4)
  for (let index = 0; index < cells.length; index++) {
    const step = Math.round(Math.min(1, Math.max(0, share(cells[index] ?? 0))) * (STEPS - 1)) * 3
    pixels.set([colours[step] ?? 0, colours[step + 1] ?? 0, colours[step + 2] ?? 0, 255], index * 4)
  }
  return pixels
}
