import { Table } from '@mantine/core'
import { useEffect } from 'react'
import type { CheckpointFacts } from '../../../shared/contract/studio/index.ts'
import { loadMachine, useMachine } from '../../stores/machine.ts'
import { DataTable, NumberCell, RowHead } from '../../ui/data-table.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { bits, exact, percent, ratio, share, size } from '../../ui/units.ts'
import { contextOf, fits, verdict, type Fit } from './fits.ts'
import classes from './fits-table.module.css'

/** Two sizes closer than this are one to a person: headers of files make the difference. */
const SAME = 0.005
const LEAST = 0.001

const COLUMNS = [
  { name: 'Weights kept at', align: 'start' as const },
  { name: 'Bits per weight', unit: 'estimated' },
  { name: 'Size on disk', unit: 'estimated' },
  { name: 'Against now', unit: 'estimated' },
  { name: 'Memory to generate', unit: 'estimated' },
  { name: 'Of the free memory', unit: 'estimated', align: 'start' as const },
]

/** What the checkpoint would take at each number of bits, before anything is squeezed. */
export function FitsTable({ checkpoint }: { checkpoint: CheckpointFacts }) {
  useEffect(loadMachine, [])
  const free = useMachine(({ value }) => value?.freeMemoryBytes)
  return (
    <Section
      title="What fits at which bits"
      note={free === undefined ? 'asking how much memory is free…' : `${size(free)} of memory are free`}
    >
      <Panel>
        <DataTable label="What fits at which bits" columns={COLUMNS} minWidth={720}>
          {fits(checkpoint).map((fit) => (
            <Line key={`${fit.bits} ${fit.sparsity}`} fit={fit} nowBytes={checkpoint.sizeBytes} freeBytes={free} />
          ))}
        </DataTable>
      </Panel>
      <p className={classes.note}>
        All of it is estimated; nothing has been squeezed or loaded for it. Memory: the weights, and a cache of keys and
        values for {exact(contextOf(checkpoint))} tokens in fp16
        {contextOf(checkpoint) === checkpoint.contextLength && ', the longest text that the model was made for'}.
        Embedding and head stay as they are in the file
        {checkpoint.tiedEmbeddings && ', and take their place in memory twice'}.
      </p>
    </Section>
  )
}

function Line({ fit, nowBytes, freeBytes }: { fit: Fit; nowBytes: number; freeBytes: number | undefined }) {
  return (
    <Table.Tr>
      <RowHead>
        {fit.bits} bits{fit.sparsity > 0 && <span className="unit"> and {percent(fit.sparsity)} exactly</span>}
      </RowHead>
      <NumberCell>{bits(fit.bitsPerWeight)}</NumberCell>
      <NumberCell>{size(fit.sizeBytes)}</NumberCell>
      <NumberCell>{againstNow(fit.sizeBytes, nowBytes)}</NumberCell>
      <NumberCell>{size(fit.memoryBytes)}</NumberCell>
      <Table.Td>{freeBytes !== undefined && <Room memoryBytes={fit.memoryBytes} freeBytes={freeBytes} />}</Table.Td>
    </Table.Tr>
  )
}

function againstNow(sizeBytes: number, nowBytes: number): string {
  const times = nowBytes / sizeBytes
  if (Math.abs(times - 1) < SAME) return 'as large'
  return times > 1 ? `${ratio(times)} smaller` : `${ratio(1 / times)} larger`
}

function Room({ memoryBytes, freeBytes }: { memoryBytes: number; freeBytes: number }) {
  const words = verdict(memoryBytes, freeBytes)
  const used = memoryBytes / freeBytes
  return (
    <div className={classes.room} data-verdict={words}>
      <div className={classes.track} aria-hidden="true">
        <div style={{ width: `${100 * Math.min(1, used)}%` }} />
      </div>
      <span className={classes.share}>{used < LEAST ? `under ${share(LEAST)}` : share(used)}</span>
      <span className={classes.verdict}>{words}</span>
    </div>
  )
}
