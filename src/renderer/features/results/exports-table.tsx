import { Table } from '@mantine/core'
import type { ExportSummary } from '../../../shared/contract/studio/index.ts'
import { CopyButton } from '../../ui/command.tsx'
import { Ago, DataTable, FolderGone, NumberCell, RowHead, type Column } from '../../ui/data-table.tsx'
import { FORMATS } from './export-button.tsx'

const COLUMNS: Column[] = [
  { name: 'Format', align: 'start' },
  { name: 'Folder', align: 'start' },
  { name: 'Made' },
  { name: 'Copy', hidden: true },
]

/** Where the result went in other forms. */
export function ExportsTable({ exports, nowMs }: { exports: ExportSummary[]; nowMs: number }) {
  return (
    <DataTable label="Exports" columns={COLUMNS} minWidth={560}>
      {exports.map(({ path, format, createdAtMs, found }) => (
        <Table.Tr key={path}>
          <RowHead>{FORMATS.find(({ value }) => value === format)?.label ?? format}</RowHead>
          <Table.Td>
            {path}
            {!found && <FolderGone />}
          </Table.Td>
          <NumberCell>
            <Ago thenMs={createdAtMs} nowMs={nowMs} />
          </NumberCell>
          <NumberCell>
            <CopyButton text={path} label={`Copy ${path}`} />
          </NumberCell>
        </Table.Tr>
      ))}
    </DataTable>
  )
}
