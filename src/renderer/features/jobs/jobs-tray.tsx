import { Popover, UnstyledButton } from '@mantine/core'
import type { JobSummary } from '../../../shared/contract/studio/index.ts'
import { useJobs } from '../../stores/jobs.ts'
import { useProjects } from '../../stores/projects.ts'
import { Ago } from '../../ui/data-table.tsx'
import { Ring } from '../../ui/ring.tsx'
import { useNow } from '../../ui/use-now.ts'
import { failureTitles } from '../failure.tsx'
import { jobNoun, STATES } from './job-words.ts'
import { RunningJob } from './running-jobs.tsx'
import classes from './jobs-tray.module.css'

const MOST_ENDED = 5

/** How many jobs run, from every page; opens on those and on the latest that ended. */
export function JobsTray() {
  const jobs = useJobs(({ value }) => value) ?? []
  const running = jobs.filter(({ state }) => state === 'running')
  const [first] = running
  const words = running.length === 0 ? 'No job runs' : running.length === 1 ? '1 job runs' : `${running.length} jobs run`
  return (
    <Popover position="bottom-end" width={420} trapFocus returnFocus shadow="md">
      <Popover.Target>
        <UnstyledButton className={classes.button} aria-label={`Jobs: ${words.toLowerCase()}`}>
          <Ring fraction={first?.fraction} />
          {running.length > 0 ? running.length : 'Jobs'}
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown className={classes.tray} aria-label="Jobs">
        <TrayContents words={words} running={running} ended={jobs.filter(({ state }) => state !== 'running')} />
      </Popover.Dropdown>
    </Popover>
  )
}

function TrayContents({ words, running, ended }: { words: string; running: JobSummary[]; ended: JobSummary[] }) {
  const projects = useProjects(({ value }) => value)
  const nowMs = useNow()
  const nameOf = (job: JobSummary) => projects?.find(({ id }) => id === job.projectId)?.name
  const latest = ended.toSorted((a, b) => (b.endedAtMs ?? 0) - (a.endedAtMs ?? 0)).slice(0, MOST_ENDED)
  return (
    <div tabIndex={-1} data-autofocus className={classes.contents}>
      <h2 className={classes.title}>{words}</h2>
      {running.map((job) => (
        <RunningJob key={job.id} job={job} projectName={nameOf(job)} />
      ))}
      {latest.length > 0 && (
        <>
          <h3 className={classes.title}>Ended lately</h3>
          <ul className={classes.ended}>
            {latest.map((job) => (
              <li key={job.id} className={classes.one}>
                <span className={classes.what}>{jobNoun(job)}</span>
                <span className={classes.how} data-state={job.state}>
                  {[nameOf(job), job.error ? failureTitles[job.error.code].toLowerCase() : STATES[job.state]]
                    .filter(Boolean)
                    .join(' · ')}
                </span>
                <span className={classes.when}>
                  <Ago thenMs={job.endedAtMs ?? job.startedAtMs} nowMs={nowMs} />
                </span>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  )
}
