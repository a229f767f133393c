import { Table } from '@mantine/core'
import type { JobSummary } from '../../../shared/contract/studio/index.ts'
import { Ago, DataTable, NumberCell, RowHead, type Column } from '../../ui/data-table.tsx'
import { duration } from '../../ui/units.ts'
import { failurePlace, failureTitles } from '../failure.tsx'
import { jobNoun, STATES } from './job-words.ts'
import classes from './job-history.module.css'

const COLUMNS: Column[] = [
  { name: 'Job', align: 'start' },
  { name: 'How it ended', align: 'start' },
  { name: 'Took' },
  { name: 'Ended' },
]

const MOST = 8

/** The latest jobs that ended; what failed says why. */
export function JobHistory({ jobs, nowMs }: { jobs: JobSummary[]; nowMs: number }) {
  return (
    <DataTable label="Jobs" columns={COLUMNS} minWidth={480}>
      {jobs.slice(0, MOST).map((job) => (
        <Table.Tr key={job.id}>
          <RowHead>{jobNoun(job)}</RowHead>
          <Table.Td className={classes.end} data-state={job.state}>
            {STATES[job.state]}
            {job.error && `: ${failureTitles[job.error.code].toLowerCase()}`}
            {job.error && <Why error={job.error} />}
          </Table.Td>
          <NumberCell>{job.endedAtMs !== undefined && duration(job.endedAtMs - job.startedAtMs)}</NumberCell>
          <NumberCell>
            <Ago thenMs={job.endedAtMs ?? job.startedAtMs} nowMs={nowMs} />
          </NumberCell>
        </Table.Tr>
      ))}
    </DataTable>
  )
}

function Why({ error }: { error: NonNullable<JobSummary['error']> }) {
  return (
    <div className={classes.why}>
      {[error.message, failurePlace(error), error.hint].filter(Boolean).map((line) => (
        <div key={line}>{line}</div>
      ))}
    </div>
  )
}
