import { Table } from '@mantine/core'
import type { CalibrationSummary } from '../../../shared/contract/studio/index.ts'
import { CopyButton } from '../../ui/command.tsx'
import { Ago, DataTable, FolderGone, NumberCell, RowHead, type Column } from '../../ui/data-table.tsx'
import { duration, exact, nats, size } from '../../ui/units.ts'

const COLUMNS: Column[] = [
  { name: 'Text', align: 'start' },
  { name: 'Squared gradients', align: 'start' },
  { name: 'Samples', unit: '× tokens' },
  { name: 'Loss', unit: 'nats/token' },
  { name: 'Size', unit: 'on disk' },
  { name: 'Took' },
  { name: 'Made' },
  { name: 'Folder', hidden: true },
]

const ESTIMATORS = { sample: 'per sequence', token: 'per token' }

/** What was read to learn the sensitivities, newest first. */
export function CalibrationsTable({ calibrations, nowMs }: { calibrations: CalibrationSummary[]; nowMs: number }) {
  return (
    <DataTable label="Calibrations" columns={COLUMNS} minWidth={720}>
      {calibrations.map((calibration) => (
        <Table.Tr key={calibration.id}>
          <RowHead>
            {calibration.textName ?? 'Text not recorded'}
            {!calibration.found && <FolderGone />}
          </RowHead>
          <Table.Td>
            {ESTIMATORS[calibration.estimator]}, {calibration.precision}
          </Table.Td>
          <NumberCell>
            {exact(calibration.samples)} × {exact(calibration.length)}
          </NumberCell>
          <NumberCell>{nats(calibration.loss)}</NumberCell>
          <NumberCell>{calibration.sizeBytes !== undefined && size(calibration.sizeBytes)}</NumberCell>
          <NumberCell>{calibration.durationMs !== undefined && duration(calibration.durationMs)}</NumberCell>
          <NumberCell>
            <Ago thenMs={calibration.createdAtMs} nowMs={nowMs} />
          </NumberCell>
          <NumberCell>
            <CopyButton text={calibration.path} label={`Copy path of calibration ${calibration.id}`} />
          </NumberCell>
        </Table.Tr>
      ))}
    </DataTable>
  )
}
