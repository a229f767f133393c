import { Table, VisuallyHidden } from '@mantine/core'
import type { ReactNode } from 'react'
import { ago, momentWords } from './units.ts'
import classes from './table.module.css'

export type Column = { name: string; unit?: string; align?: 'start' | 'end'; hidden?: boolean }

/** A table of figures: quiet head with units, figures at the right; scrolls sideways on its own where it is narrow. */
export function DataTable({
  label,
  columns,
  minWidth,
  children,
}: {
  label: string
  columns: Column[]
  minWidth: number
  children: ReactNode
}) {
  return (
    <Table.ScrollContainer
      minWidth={minWidth}
      type="native"
      tabIndex={0}
      role="region"
      aria-label={`${label}, scrollable`}
    >
      <Table className={classes.table} verticalSpacing={7} horizontalSpacing="md" aria-label={label}>
        <Table.Thead>
          <Table.Tr>
            {columns.map(({ name, unit, align = 'end', hidden }) => (
              <Table.Th key={name} scope="col" className={align === 'end' ? classes.number : undefined}>
                {hidden ? <VisuallyHidden>{name}</VisuallyHidden> : name}
                {unit && <span className={classes.headUnit}>{unit}</span>}
              </Table.Th>
            ))}
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>{children}</Table.Tbody>
      </Table>
    </Table.ScrollContainer>
  )
}

export function NumberCell({ children }: { children?: ReactNode }) {
  return <Table.Td className={classes.number}>{children}</Table.Td>
}

/** The name of a row. */
export function RowHead({ children }: { children: ReactNode }) {
  return <Table.Th scope="row">{children}</Table.Th>
}

export function FolderGone() {
  return <span className={classes.gone}>folder is gone</span>
}

/** How long ago; the moment itself on hover. */
export function Ago({ thenMs, nowMs }: { thenMs: number; nowMs: number }) {
  return (
    <time dateTime={new Date(thenMs).toISOString()} title={momentWords(thenMs)}>
      {ago(thenMs, nowMs)}
    </time>
  )
}
