import { heatmapScene } from '../../../shared/charts/heatmap.ts'
import type { Scene } from '../../../shared/charts/scene.ts'
import { viridis } from '../../../shared/charts/viridis.ts'

type Matrix = { layer: number; role: string }
type Measure<M> = {
  name: string
  of: (matrix: M) => number
  words: (value: number) => string
  /** 0..1 of a value, for its colour. */
  scale: (value: number) => number
}

const KEY = [0, 0.25, 0.5, 0.75, 1]

/** A map of matrices as a picture: the same cells and colours as on the page, with the values written in. */
export function mapScene<M extends Matrix>(matrices: readonly M[], { name, of, words, scale }: Measure<M>): Scene {
  const values = matrices.map(of)
  const ends = [Math.min(...values), Math.max(...values)].map(words)
  return heatmapScene({
    label: `${name} of each matrix`,
    title: `${name} of each matrix`,
    cells: matrices.map((matrix) => {
      const value = of(matrix)
      return { layer: matrix.layer, role: matrix.role, colour: viridis(scale(value)), text: words(value) }
    }),
    key: KEY.map((share) => ({
      colour: viridis(share),
      text: share === 0 ? (ends[0] ?? '') : share === 1 ? (ends[1] ?? '') : '',
    })),
  })
}
