import { Table } from '@mantine/core'
import type { ResultSummary } from '../../../shared/contract/studio/index.ts'
import { Ago, DataTable, NumberCell, RowHead, type Column } from '../../ui/data-table.tsx'
import { exact, figure, share } from '../../ui/units.ts'
import { threadsOf, type Measurement } from './measurements.ts'
import { ModelName } from './model-name.tsx'
import classes from './history-table.module.css'

const columns = (contexts: boolean): Column[] => [
  { name: 'Model', align: 'start' },
  { name: 'Computed on', align: 'start' },
  { name: 'Threads' },
  { name: 'Prompt', unit: 'tokens' },
  { name: 'Generated', unit: 'tokens' },
  ...(contexts ? [{ name: 'After', unit: 'tokens' }] : []),
  { name: 'Generation', unit: 'tokens/s' },
  { name: 'Min–max', unit: 'of the rounds' },
  { name: 'Of the limit', unit: 'of its own run' },
  { name: 'First token', unit: 'ms' },
  { name: 'Measured' },
]

type Props = { measurements: Measurement[]; results: ResultSummary[]; nowMs: number }

/** All that was ever measured, newest first. */
export function HistoryTable({ measurements, results, nowMs }: Props) {
  // Elsewhere generation begins where the prompt ends.
  const contexts = measurements.some(({ context, promptTokens }) => context !== promptTokens)
  return (
    <DataTable label="All measurements of speed" columns={columns(contexts)} minWidth={1080}>
      {measurements.map((m) => (
        <Table.Tr key={`${m.id}-${m.context}`}>
          <RowHead>
            <ModelName result={results.find(({ id }) => id === m.resultId)} storedAs={m.storedAs} />
          </RowHead>
          <Table.Td>
            <span className={classes.machine} title={m.processor}>
              {m.processor}
            </span>{' '}
            <span className="unit">
              {m.simd}, {m.arithmetic}
            </span>
          </Table.Td>
          <NumberCell>{threadsOf(m)}</NumberCell>
          <NumberCell>{exact(m.promptTokens)}</NumberCell>
          <NumberCell>{exact(m.generateTokens)}</NumberCell>
          {contexts && <NumberCell>{exact(m.context)}</NumberCell>}
          <NumberCell>{figure(m.tokensPerSecond.median)}</NumberCell>
          <NumberCell>
            {figure(m.tokensPerSecond.min)}–{figure(m.tokensPerSecond.max)}
          </NumberCell>
          <NumberCell>{share(m.bandwidthShare.median)}</NumberCell>
          <NumberCell>{figure(m.firstTokenMs.median)}</NumberCell>
          <NumberCell>
            <Ago thenMs={m.createdAtMs} nowMs={nowMs} />
          </NumberCell>
        </Table.Tr>
      ))}
    </DataTable>
  )
}
