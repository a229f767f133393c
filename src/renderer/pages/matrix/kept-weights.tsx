import { Anchor, NativeSelect, SegmentedControl, Skeleton, Table } from '@mantine/core'
import { useState } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import type { MatrixOutliers, MatrixWeights } from '../../../shared/contract/studio/index.ts'
import { Failure } from '../../features/failure.tsx'
import { scientific } from '../../features/matrices/scales.ts'
import { DataTable, NumberCell, type Column } from '../../ui/data-table.tsx'
import { Facts } from '../../ui/facts.tsx'
import { exact, percent, share } from '../../ui/units.ts'
import { weightWords } from './words.ts'
import classes from './kept-weights.module.css'

const SPARSITIES = [0.0005, 0.001, 0.0045, 0.01, 0.02]

type Props = {
  matrix: MatrixWeights
  outliers: MatrixOutliers | undefined
  error: ErrorInfo | undefined
  sparsity: number
  setSparsity: (sparsity: number) => void
  bits: number
  choose: (channel: number) => void
}

/** What the published rule would keep exactly of this matrix, and the weights that stand out most. */
export function KeptWeights({ matrix, outliers, error, sparsity, setSparsity, bits, choose }: Props) {
  return (
    <>
      <NativeSelect
        label="Kept exactly, of the whole model"
        size="xs"
        value={String(sparsity)}
        onChange={(event) => setSparsity(Number(event.currentTarget.value))}
        data={SPARSITIES.map((each) => ({ value: String(each), label: percent(each) }))}
        className={classes.choice}
      />
      {error && <Failure error={error} />}
      {outliers ? (
        <Kept matrix={matrix} outliers={outliers} bits={bits} />
      ) : (
        !error && <Skeleton height={150} radius={6} />
      )}
      <StandingOut matrix={matrix} choose={choose} />
    </>
  )
}

function Kept({ matrix, outliers, bits }: { matrix: MatrixWeights; outliers: MatrixOutliers; bits: number }) {
  const { range, rangeRowStep, rowsRead, rowsClustered, sensitive, beyond, fenceHigh, widths } = outliers
  const all = rowsRead === matrix.rows
  const scaled = (count: number) => (all ? exact(count) : `≈ ${exact(Math.round((count * matrix.rows) / rowsRead))}`)
  const carried = widths.find((width) => width.bits === bits)?.keptShare ?? 0
  return (
    <>
      <Facts
        facts={[
          {
            name: 'Of this matrix',
            value: `${scaled(sensitive + beyond)} weights, ${percent((sensitive + beyond) / (rowsRead * matrix.cols))}`,
          },
          { name: 'For their F', value: scaled(sensitive) },
          { name: 'Beyond a fence', value: scaled(beyond) },
          {
            name: 'Fences',
            value:
              fenceHigh === undefined || range === undefined
                ? 'none: F takes the whole share'
                : `±${weightWords(fenceHigh)}, ${range.toFixed(2)} quartile ranges out`,
          },
          { name: 'They carry', value: `${share(carried)} of Σ F·(w − c)² at ${bits} bits` },
        ]}
      />
      <p className={classes.source}>{sourceWords(outliers, all, rowsClustered === matrix.rows, rangeRowStep)}</p>
    </>
  )
}

function sourceWords(
  { rowsRead, rowsClustered }: MatrixOutliers,
  allRead: boolean,
  allClustered: boolean,
  rangeRowStep: number,
): string {
  const range = rangeRowStep === 1 ? 'all rows of the model' : `one row in ${exact(rangeRowStep)} of the model`
  const counted = allRead ? 'all rows' : `${exact(rowsRead)} rows`
  const clustered = allClustered ? 'all rows' : `${exact(rowsClustered)} rows`
  return `The rule of the paper, with one fence range for the model, found from ${range}. Counted in ${counted} of the matrix, clustered in ${clustered}.`
}

type Order = 'largest' | 'mostSensitive'

const COLUMNS: Column[] = [
  { name: 'Channel' },
  { name: 'Input' },
  { name: 'Weight' },
  { name: 'F', unit: 'nats² / w²' },
]

function StandingOut({ matrix, choose }: { matrix: MatrixWeights; choose: (channel: number) => void }) {
  const [order, setOrder] = useState<Order>('largest')
  return (
    <div className={classes.list}>
      <SegmentedControl
        size="xs"
        fullWidth
        aria-label="Which weights are listed"
        value={order}
        onChange={(value) => setOrder(value)}
        data={[
          { value: 'largest', label: 'Largest |w|' },
          { value: 'mostSensitive', label: 'Largest F' },
        ]}
      />
      <DataTable label="Weights that stand out" columns={COLUMNS} minWidth={280}>
        {matrix[order].map(({ row, col, value, sensitivity }) => (
          <Table.Tr key={`${row} ${col}`}>
            <NumberCell>
              <Anchor
                component="button"
                type="button"
                size="sm"
                aria-label={`Channel ${row}`}
                onClick={() => choose(row)}
              >
                {exact(row)}
              </Anchor>
            </NumberCell>
            <NumberCell>{exact(col)}</NumberCell>
            <NumberCell>{weightWords(value)}</NumberCell>
            <NumberCell>{scientific(sensitivity)}</NumberCell>
          </Table.Tr>
        ))}
      </DataTable>
    </div>
  )
}
