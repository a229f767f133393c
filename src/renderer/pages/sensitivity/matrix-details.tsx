import { Button } from '@mantine/core'
import type { MatrixSensitivity } from '../../../shared/contract/sidecar/calibration.ts'
import { Facts } from '../../ui/facts.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { exact, share } from '../../ui/units.ts'
import { scientific } from '../../features/matrices/scales.ts'
import { MEASURES } from './measures.ts'

type Props = { matrix: MatrixSensitivity; matrices: MatrixSensitivity[]; address: string }

/** One matrix in figures, and its place among the others. */
export function MatrixDetails({ matrix, matrices, address }: Props) {
  const weights = matrix.rows * matrix.cols
  const total = matrices.reduce((sum, { weighted }) => sum + weighted, 0)
  const allWeights = matrices.reduce((sum, { rows, cols }) => sum + rows * cols, 0)
  const rank = matrices.filter(({ weighted }) => weighted > matrix.weighted).length + 1
  return (
    <Section title={`Layer ${matrix.layer}, ${matrix.role}`}>
      <Panel padded>
        <Facts
          facts={[
            { name: 'Tensor', value: <span style={{ overflowWrap: 'anywhere' }}>{matrix.name}</span> },
            { name: 'Shape', value: `${exact(matrix.rows)} × ${exact(matrix.cols)}, ${exact(weights)} weights` },
            ...MEASURES.map(({ name, of }) => ({ name, value: scientific(of(matrix)) })),
            {
              name: 'Of Σ F·w²',
              value:
                total > 0 ? `${share(matrix.weighted / total)}, of the weights ${share(weights / allWeights)}` : '–',
            },
            { name: 'Rank', value: `${rank} of ${matrices.length} by Σ F·w²` },
          ]}
        />
        <Button component="a" href={address} variant="default" fullWidth mt="md">
          Look into this matrix
        </Button>
      </Panel>
    </Section>
  )
}
