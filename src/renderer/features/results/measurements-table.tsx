import { Table } from '@mantine/core'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { Ago, DataTable, NumberCell, RowHead, type Column } from '../../ui/data-table.tsx'
import { change, nats, perplexity, share } from '../../ui/units.ts'
import { compareOn, MUCH, perplexityChange, stampWords } from './comparison.ts'
import classes from './results-table.module.css'

const COLUMNS: Column[] = [
  { name: 'Perplexity on', align: 'start' },
  { name: 'Checkpoint' },
  { name: 'Result' },
  { name: 'Change' },
  { name: 'KL', unit: 'nats/token' },
  { name: 'Same', unit: 'top token' },
  { name: 'Measured' },
]

type Props = { project: Project; resultId: number; nowMs: number }

/** Every measurement of a result, each beside the checkpoint's own under the same stamp. */
export function MeasurementsTable({ project, resultId, nowMs }: Props) {
  const evaluations = project.evaluations.filter((each) => each.resultId === resultId)
  return (
    <DataTable label="Measurements" columns={COLUMNS} minWidth={820}>
      {evaluations.map(({ id, stamp, diverged, perplexity: after, klMean, top1Agreement, createdAtMs }) => {
        const { before } = compareOn(project, stamp.key)
        const rise = perplexityChange(before, after)
        return (
          <Table.Tr key={id}>
            <RowHead>
              <span className={classes.recipe} title={`sha256 ${stamp.textHash}`}>
                {stampWords(stamp)}
              </span>
            </RowHead>
            <NumberCell>{before === undefined ? <NotMeasured /> : perplexity(before)}</NumberCell>
            <NumberCell>{diverged || after === undefined ? 'diverged' : perplexity(after)}</NumberCell>
            <NumberCell>
              {rise !== undefined && <span className={rise > MUCH ? classes.much : undefined}>{change(rise)}</span>}
            </NumberCell>
            <NumberCell>{klMean === undefined ? <NotMeasured /> : nats(klMean)}</NumberCell>
            <NumberCell>{top1Agreement === undefined ? <NotMeasured /> : share(top1Agreement)}</NumberCell>
            <NumberCell>
              <Ago thenMs={createdAtMs} nowMs={nowMs} />
            </NumberCell>
          </Table.Tr>
        )
      })}
    </DataTable>
  )
}

/** Not a zero and not a blank: nobody has measured it in this way. */
export function NotMeasured() {
  return <span className="unit">not measured</span>
}
