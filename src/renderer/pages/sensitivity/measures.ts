import type { MatrixSensitivity } from '../../../shared/contract/sidecar/calibration.ts'
import type { TableRecord } from '../../../shared/export/table-text.ts'

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

/** All measures of every matrix. */
export function sensitivityRecords(matrices: readonly MatrixSensitivity[]): TableRecord[] {
  return matrices.map(({ name, layer, role, rows, cols, sum, max, weighted }) => ({
    tensor: name,
    layer,
    role,
    rows,
    cols,
    weightedSum: weighted,
    meanFisher: sum / (rows * cols),
    maxFisher: max,
  }))
}
