import { Table } from '@mantine/core'
import { DataTable, NumberCell, RowHead, type Column } from '../../ui/data-table.tsx'
import { Panel } from '../../ui/section.tsx'
import { figure, percent, ratio, share, size } from '../../ui/units.ts'
import { series } from '../results/recipe-words.ts'
import { LimitBar, SpeedBar } from './bar.tsx'
import { limitTokensPerSecond, machineWords, type Measurement, type SpeedRow } from './measurements.ts'
import { ModelName, modelWords } from './model-name.tsx'
import classes from './speed-table.module.css'

const COLUMNS: Column[] = [
  { name: 'Model', align: 'start' },
  { name: 'Generation', unit: 'tokens/s, median and min–max', align: 'start' },
  { name: 'Ratio', unit: 'to the checkpoint' },
  { name: 'Of the memory limit', unit: 'the line is all of it', align: 'start' },
  { name: 'Prompt', unit: 'tokens/s' },
  { name: 'First token', unit: 'ms' },
  { name: 'Memory', unit: 'weights and cache' },
]

/** Every model under one setup: how fast, and how near to what the memory of this machine allows. */
export function SpeedTable({ rows, sample }: { rows: SpeedRow[]; sample: Measurement }) {
  const measured = rows.flatMap(({ measurement }) => measurement ?? [])
  const fastest = Math.max(...measured.map(({ tokensPerSecond }) => tokensPerSecond.max))
  const nearest = Math.max(1.1, ...measured.map(({ bandwidthShare }) => bandwidthShare.median * 1.05))
  const checkpoint = rows.find(({ result }) => !result)?.measurement
  return (
    <>
      <Panel>
        <DataTable label="Speed of each model" columns={COLUMNS} minWidth={1080}>
          {rows.map((row) => (
            <Row
              key={row.result?.id ?? 0}
              row={row}
              fastest={fastest}
              nearest={nearest}
              base={row.result && checkpoint?.tokensPerSecond.median}
            />
          ))}
        </DataTable>
      </Panel>
      <div className={classes.notes}>
        <p>
          Measured on {machineWords(sample)}. {limitWords(measured)}
        </p>
        <Beyond rows={rows} />
        <Unsteady rows={rows} />
      </div>
    </>
  )
}

type RowProps = { row: SpeedRow; fastest: number; nearest: number; base: number | undefined }

function Row({ row: { result, measurement: m }, fastest, nearest, base }: RowProps) {
  if (!m)
    return (
      <Table.Tr>
        <RowHead>
          <ModelName result={result} />
        </RowHead>
        <Table.Td colSpan={COLUMNS.length - 1}>
          <span className="unit">not measured in this way</span>
        </Table.Td>
      </Table.Tr>
    )
  const { median } = m.tokensPerSecond
  return (
    <Table.Tr>
      <RowHead>
        <ModelName result={result} storedAs={m.storedAs} />
      </RowHead>
      <Table.Td className={classes.wide}>
        <SpeedBar value={m.tokensPerSecond} most={fastest} series={result ? series(result.recipe) : 'checkpoint'}>
          {figure(median)}
        </SpeedBar>
      </Table.Td>
      <NumberCell>{base !== undefined && ratio(median / base)}</NumberCell>
      <Table.Td className={classes.wide}>
        <LimitBar share={m.bandwidthShare.median} most={nearest}>
          <span className={m.bandwidthShare.median > 1 ? classes.caution : undefined}>
            {share(m.bandwidthShare.median)}
          </span>
        </LimitBar>
      </Table.Td>
      <NumberCell>{figure(m.promptTokensPerSecond.median)}</NumberCell>
      <NumberCell>{figure(m.firstTokenMs.median)}</NumberCell>
      <NumberCell>{size(m.memoryBytes)}</NumberCell>
    </Table.Tr>
  )
}

/** Every run has a limit of its own, since the memory was measured anew beside it. */
function limitWords(measured: Measurement[]): string {
  const bandwidths = measured.map(({ readBandwidth }) => readBandwidth.allThreads.median)
  const limits = measured.map(limitTokensPerSecond)
  return (
    'A token reads all weights and the cache once, so the memory sets a limit to their number: ' +
    `at the ${reach(bandwidths)} GB/s that these runs measured between their rounds, ${reach(limits)} tokens/s. ` +
    'Each model stands against the limit of its own run.'
  )
}

function reach(values: number[]): string {
  const [low, high] = [figure(Math.min(...values)), figure(Math.max(...values))]
  return low === high ? low : `${low} to ${high}`
}

function Beyond({ rows }: { rows: SpeedRow[] }) {
  const beyond = rows.filter(({ measurement }) => measurement && measurement.bandwidthShare.median > 1)
  if (beyond.length === 0) return null
  const names = beyond.map(({ result, measurement }) => {
    return `${modelWords(result)} (${size(measurement?.weightBytesPerToken ?? 0)} of weights)`
  })
  return (
    <p className={classes.caution}>
      Beyond 100 %: {names.join(', ')}. Weights so small stay in caches, which are faster than the memory; the limit
      does not bind them.
    </p>
  )
}

/** Apart, in parts of the median, from which on rounds do not tell a speed but what else the machine did. */
const WIDE = 0.3

function Unsteady({ rows }: { rows: SpeedRow[] }) {
  const unsteady = rows.filter(({ measurement }) => measurement && spreadOf(measurement) > WIDE)
  if (unsteady.length === 0) return null
  return (
    <p className={classes.caution}>
      Unsteady: the rounds of {unsteady.map(({ result }) => modelWords(result)).join(', ')} lie more than{' '}
      {percent(WIDE, 0)} of the median apart. Other work was on the machine; measure again when it is idle.
    </p>
  )
}

function spreadOf({ tokensPerSecond: { min, median, max } }: Measurement): number {
  return (max - min) / median
}
