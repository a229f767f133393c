import type { MatrixSensitivity } from '../../../shared/contract/sidecar/calibration.ts'

/** What a cell of the heatmap stands for. F is the mean squared gradient of the loss by a weight. */
export type Measure = { id: string; name: string; words: string; of: (matrix: MatrixSensitivity) => number }

export const WEIGHTED: Measure = {
  id: 'weighted',
  name: 'Σ F·w²',
  words: 'what the whole matrix carries: twice what zeroing it would cost, to second order',
  of: ({ weighted }) => weighted,
}

export const MEASURES: Measure[] = [
  WEIGHTED,
  {
    id: 'mean',
    name: 'Mean F',
    words: 'how much one weight of it matters on average',
    of: ({ sum, rows, cols }) => sum / (rows * cols),
  },
  { id: 'max', name: 'Largest F', words: 'how much its most sensitive weight matters', of: ({ max }) => max },
]

/** 0..1 for each value between the smallest positive one and the largest, on a logarithmic scale; 0 for zero. */
export function logarithmic(values: number[]): (value: number) => number {
  const positive = values.filter((value) => value > 0)
  const low = Math.log(Math.min(...positive))
  const span = Math.log(Math.max(...positive)) - low
  return (value) => (value > 0 && span > 0 ? (Math.log(value) - low) / span : value > 0 ? 1 : 0)
}

/** 0..1 in proportion to the largest. */
export function linear(values: number[]): (value: number) => number {
  const most = Math.max(0, ...values)
  return (value) => (most > 0 ? value / most : 0)
}

/** "0.0837", "20.7", and "3.20·10⁻⁵" beyond: sensitivities span many orders. */
export function scientific(value: number): string {
  if (value === 0) return '0'
  if (value >= 0.01 && value < 999.5) return value.toPrecision(3)
  const [digits = '', exponent = '0'] = value.toExponential(2).split('e')
  const raised = [...String(Number(exponent))].map((sign) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(sign)] ?? '⁻').join('')
  return `${digits}·10${raised}`
}
