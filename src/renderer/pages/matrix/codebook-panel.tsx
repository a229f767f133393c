import { NumberInput, SegmentedControl, Slider, Table } from '@mantine/core'
import { useMemo, useState } from 'react'
import type { MatrixChannel, MatrixOutliers, MatrixWeights } from '../../../shared/contract/studio/index.ts'
import { scientific } from '../../features/matrices/scales.ts'
import { DataTable, NumberCell, type Column } from '../../ui/data-table.tsx'
import { exact, share } from '../../ui/units.ts'
import { VIRIDIS_GRADIENT } from '../../../shared/charts/viridis.ts'
import { cellsOf } from './cells.ts'
import { histogramOf } from './histogram.ts'
import { floatsOf } from './packed.ts'
import { WeightHistogram } from './weight-histogram.tsx'
import { errorWords } from './words.ts'
import classes from './codebook-panel.module.css'

type Props = {
  matrix: MatrixWeights
  /** The channel that is wanted; undefined shows the whole matrix. */
  wanted: number | undefined
  channel: MatrixChannel | undefined
  outliers: MatrixOutliers | undefined
  bits: number
  setBits: (bits: number) => void
  choose: (channel: number | undefined) => void
  /** The output channel with the most F. */
  foremost: number
}

/** Enough bins that any part of them can be drawn. */
const CHANNEL_BINS = 512
/** The middle of a bell: beyond it lie few weights, and the fences. */
const CORE = 4.5
const BEYOND_FENCE = 1.12

/** The weights, and the codebook that is to stand for them. */
export function CodebookPanel({ matrix, wanted, channel, outliers, bits, setBits, choose, foremost }: Props) {
  const [extent, setExtent] = useState('core')
  const [scaling, setScaling] = useState('linear')
  const one = wanted === undefined ? undefined : channel
  const values = useMemo(
    () => one && { weights: floatsOf(one.weights), sensitivities: floatsOf(one.sensitivities) },
    [one],
  )
  const codebook = one?.codebooks.find((each) => each.bits === bits)
  const cells = useMemo(
    () => codebook && values && cellsOf(codebook.entries, values.weights, values.sensitivities),
    [codebook, values],
  )
  const [from, to] = extent === 'core' ? coreOf(matrix, outliers) : paddedOf(matrix)
  const histogram = useMemo(
    () =>
      values
        ? histogramOf(values.weights, from, to, CHANNEL_BINS)
        : { low: matrix.min, high: matrix.max, counts: matrix.histogram },
    [values, from, to, matrix],
  )
  const width = outliers?.widths.find((each) => each.bits === bits)
  const spread = outliers && width && { low: outliers.low, high: outliers.high, counts: width.spread }
  const fences =
    outliers?.fenceLow === undefined || outliers.fenceHigh === undefined
      ? undefined
      : { low: outliers.fenceLow, high: outliers.fenceHigh }
  const subject = one ? `output channel ${exact(one.channel)}` : 'the whole matrix'
  const dearest = cells && Math.max(...cells.map(({ objective }) => objective)) / (codebook?.objective || 1)
  return (
    <div className={classes.columns}>
      <div className={classes.chart}>
        <div className={classes.controls}>
          <SegmentedControl
            size="xs"
            aria-label="Whose weights are drawn"
            value={wanted === undefined ? 'matrix' : 'channel'}
            onChange={(value) => choose(value === 'channel' ? (channel?.channel ?? foremost) : undefined)}
            data={[
              { value: 'matrix', label: 'Whole matrix' },
              { value: 'channel', label: 'One channel' },
            ]}
          />
          <NumberInput
            size="xs"
            aria-label="Output channel"
            placeholder="channel"
            className={classes.number}
            min={0}
            max={matrix.rows - 1}
            allowDecimal={false}
            allowNegative={false}
            clampBehavior="strict"
            disabled={wanted === undefined}
            value={wanted ?? ''}
            onChange={(value) => typeof value === 'number' && choose(value)}
          />
          <span className={classes.spacer} />
          <SegmentedControl
            size="xs"
            aria-label="Which weights are in sight"
            value={extent}
            onChange={setExtent}
            data={['core', 'all']}
          />
          <SegmentedControl
            size="xs"
            aria-label="Scale of the counts"
            value={scaling}
            onChange={setScaling}
            data={['linear', 'logarithmic']}
          />
        </div>
        <WeightHistogram
          label={`Weights of ${subject}`}
          histogram={histogram}
          total={values?.weights.length ?? matrix.rows * matrix.cols}
          from={from}
          to={to}
          logarithmic={scaling === 'logarithmic'}
          bits={bits}
          cells={cells}
          spread={spread}
          fences={fences}
        />
        <p className={classes.note}>
          {cells ? (
            <>
              Below, the {cells.length} cells of its codebook, coloured by their share of Σ F·(w − c)²: 0 %
              <span className={classes.gradient} style={{ background: VIRIDIS_GRADIENT }} aria-hidden="true" />
              {share(dearest ?? 0)}
            </>
          ) : outliers ? (
            `Below, how many entries the codebooks of ${rowsWords(outliers, matrix)} have where.`
          ) : (
            'Clustering a part of the channels…'
          )}
        </p>
      </div>
      <div className={classes.widths}>
        <div>
          <div className={classes.label}>
            <span>Bits of an index</span>
            <strong className="figures">{bits}</strong>
          </div>
          <Slider
            thumbLabel="Bits of an index"
            min={2}
            max={8}
            step={1}
            value={bits}
            onChange={setBits}
            label={null}
            marks={[2, 3, 4, 5, 6, 7, 8].map((value) => ({ value }))}
          />
        </div>
        <Widths matrix={matrix} channel={one} outliers={outliers} bits={bits} />
      </div>
    </div>
  )
}

const COLUMNS: Column[] = [
  { name: 'Bits', align: 'start' },
  { name: 'Σ F·(w − c)²', unit: 'nats²' },
  { name: 'Relative error', unit: '‖w − c‖ / ‖w‖' },
]

type WidthsProps = {
  matrix: MatrixWeights
  channel: MatrixChannel | undefined
  outliers: MatrixOutliers | undefined
  bits: number
}

/** Every width at once: what one bit more is worth. */
function Widths({ matrix, channel, outliers, bits }: WidthsProps) {
  const clustered = outliers?.rowsClustered ?? matrix.rows
  const estimated = !channel && clustered < matrix.rows
  const factor = channel ? 1 : matrix.rows / clustered
  const widths = channel?.codebooks ?? outliers?.widths ?? []
  return (
    <div className={classes.table}>
      <DataTable label="Errors by width" columns={COLUMNS} minWidth={220}>
        {widths.map((each) => (
          <Table.Tr key={each.bits} data-chosen={each.bits === bits} className={classes.width}>
            <Table.Th scope="row">{each.bits}</Table.Th>
            <NumberCell>
              {estimated && '≈ '}
              {scientific(each.objective * factor)}
            </NumberCell>
            <NumberCell>
              {estimated && '≈ '}
              {errorWords(each.relativeError)}
            </NumberCell>
          </Table.Tr>
        ))}
      </DataTable>
      <p className={classes.note}>
        {channel
          ? `Output channel ${exact(channel.channel)}, nothing kept exactly, optimal codebooks.`
          : outliers &&
            `${estimated ? `Estimated from ${rowsWords(outliers, matrix)}` : 'All channels'}, nothing kept exactly.`}
      </p>
    </div>
  )
}

function rowsWords({ rowsClustered }: MatrixOutliers, { rows }: MatrixWeights): string {
  return rowsClustered === rows ? `all ${exact(rows)} channels` : `${exact(rowsClustered)} of ${exact(rows)} channels`
}

/** Where nearly all weights are, and both fences. */
function coreOf({ min, max, mean, deviation }: MatrixWeights, outliers: MatrixOutliers | undefined): [number, number] {
  const reach = Math.max(CORE * deviation, BEYOND_FENCE * (outliers?.fenceHigh ?? 0))
  return paddedOf({ min: Math.max(min, mean - reach), max: Math.min(max, mean + reach) })
}

/** Something to draw where all weights are the same. */
function paddedOf({ min, max }: { min: number; max: number }): [number, number] {
  if (max > min) return [min, max]
  const reach = Math.abs(min) || 1
  return [min - reach, max + reach]
}
