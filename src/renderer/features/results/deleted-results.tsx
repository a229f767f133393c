import { Button, Table } from '@mantine/core'
import { useState } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import type { DeletedResult } from '../../../shared/contract/studio/index.ts'
import { refusalInfo } from '../../bridge/index.ts'
import { restoreResult } from '../../stores/deletion.ts'
import { Ago, DataTable, NumberCell, RowHead, type Column } from '../../ui/data-table.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { size, timeLeft } from '../../ui/units.ts'
import { Failure } from '../failure.tsx'
import { resultName } from './names.ts'

const COLUMNS: Column[] = [
  { name: 'Model', align: 'start' },
  { name: 'Size', unit: 'on disk' },
  { name: 'Deleted' },
  { name: 'Kept' },
  { name: 'Restore', hidden: true },
]

/** What was deleted lately, and a way back for each. */
export function DeletedResults({
  projectId,
  deleted,
  nowMs,
}: {
  projectId: number
  deleted: DeletedResult[]
  nowMs: number
}) {
  const [refused, setRefused] = useState<ErrorInfo>()

  async function restore(resultId: number) {
    setRefused(undefined)
    try {
      await restoreResult({ projectId, resultId })
    } catch (cause) {
      setRefused(refusalInfo(cause))
    }
  }

  return (
    <Section title="Deleted results">
      {refused && <Failure error={refused} />}
      <Panel>
        <DataTable label="Deleted results" columns={COLUMNS} minWidth={560}>
          {deleted.map((result) => (
            <Table.Tr key={result.id}>
              <RowHead>{resultName(result)}</RowHead>
              <NumberCell>{size(result.sizeBytes)}</NumberCell>
              <NumberCell>
                <Ago thenMs={result.deletedAtMs} nowMs={nowMs} />
              </NumberCell>
              <NumberCell>
                {result.keptUntilMs === undefined ? 'where it lies' : timeLeft(Math.max(0, result.keptUntilMs - nowMs))}
              </NumberCell>
              <NumberCell>
                <Button
                  size="compact-xs"
                  variant="default"
                  aria-label={`Restore ${resultName(result)}`}
                  onClick={() => void restore(result.id)}
                >
                  Restore
                </Button>
              </NumberCell>
            </Table.Tr>
          ))}
        </DataTable>
      </Panel>
    </Section>
  )
}
