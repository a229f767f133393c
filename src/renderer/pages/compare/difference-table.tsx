import { Table } from '@mantine/core'
import { stampWords } from '../../features/results/comparison.ts'
import type { Contender, LoneStamp } from '../../features/results/pairing.ts'
import { DataTable, NumberCell, RowHead } from '../../ui/data-table.tsx'
import { perplexity } from '../../ui/units.ts'
import type { Difference } from './differences.ts'
import classes from './compare-page.module.css'

type Pair = [Contender, Contender]

export function DifferenceTable({ pair: [a, b], rows }: { pair: Pair; rows: Difference[] }) {
  const columns = [
    { name: 'Quantity', align: 'start' as const },
    { name: a.name },
    { name: b.name },
    { name: 'Difference', unit: 'second less first' },
    { name: 'How it was measured', align: 'start' as const },
  ]
  return (
    <DataTable label="Difference" columns={columns} minWidth={760}>
      {rows.map(({ name, how, values, difference }) => (
        <Table.Tr key={`${name} ${how}`}>
          <RowHead>{name}</RowHead>
          <NumberCell>{values[0]}</NumberCell>
          <NumberCell>{values[1]}</NumberCell>
          <NumberCell>{difference}</NumberCell>
          <Table.Td className={classes.why}>
            <span className="unit">{how ?? 'read from the files'}</span>
          </Table.Td>
        </Table.Tr>
      ))}
    </DataTable>
  )
}

const LONE_COLUMNS = [
  { name: 'Model', align: 'start' as const },
  { name: 'Perplexity' },
  { name: 'How it was measured', align: 'start' as const },
  { name: 'Why it cannot be compared', align: 'start' as const },
]

/** Numbers that must not stand beside each other, and what keeps them apart. */
export function LoneTable({ pair, rows }: { pair: Pair; rows: LoneStamp[] }) {
  return (
    <DataTable label="Not comparable" columns={LONE_COLUMNS} minWidth={760}>
      {rows.map(({ stamp, measured, which, why }) => (
        <Table.Tr key={stamp.key}>
          <RowHead>
            <span className={classes.quiet}>{pair[which].name}</span>
          </RowHead>
          <NumberCell>{measured.perplexity === undefined ? 'diverged' : perplexity(measured.perplexity)}</NumberCell>
          <Table.Td>{stampWords(stamp)}</Table.Td>
          <Table.Td className={classes.why}>{why}</Table.Td>
        </Table.Tr>
      ))}
    </DataTable>
  )
}
