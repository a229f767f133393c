import type { ResultMatrix } from '../../../shared/contract/studio/index.ts'
import { bits, percent, size } from '../../ui/units.ts'
import { linear, logarithmic, scientific, spread } from '../matrices/scales.ts'

/** What a cell of a result's heatmap stands for. */
export type MatrixMeasure = {
  id: string
  name: string
  words: string
  of: (matrix: ResultMatrix) => number
  format: (value: number) => string
  scale: (values: number[]) => (value: number) => number
  /** Where the scale of colours begins. */
  from: (values: number[]) => number
}

const least = (values: number[]) => Math.min(...values)
const nothing = () => 0

export const RELATIVE_ERROR: MatrixMeasure = {
  id: 'error',
  name: 'Relative error',
  words: '‖w − ŵ‖ / ‖w‖: how far the stored weights are from the checkpoint’s',
  of: ({ relativeError }) => relativeError,
  format: percent,
  scale: spread,
  from: least,
}

export const MATRIX_MEASURES: MatrixMeasure[] = [
  RELATIVE_ERROR,
  {
    id: 'objective',
    name: 'Objective',
    words: 'what the squeeze made small: the squared error of each weight, times its sensitivity where there was one',
    of: ({ objective }) => objective,
    format: scientific,
    scale: logarithmic,
    from: (values) => least(values.filter((value) => value > 0).concat(values.every((value) => value <= 0) ? [0] : [])),
  },
  {
    id: 'bits',
    name: 'Bits',
    words: 'bits per weight: indices, codebooks and what is kept exactly',
    of: ({ bitsPerWeight }) => bitsPerWeight,
    format: bits,
    scale: spread,
    from: least,
  },
  {
    id: 'size',
    name: 'Bytes',
    words: 'bytes stored',
    of: ({ sizeBytes }) => sizeBytes,
    format: size,
    scale: linear,
    from: nothing,
  },
]
