import { Drawer, UnstyledButton } from '@mantine/core'
import type { ReactNode } from 'react'
import type { JobSummary } from '../../../shared/contract/studio/index.ts'
import { useJobs } from '../../stores/jobs.ts'
import { closeOverlay, showOverlay, useOverlay } from '../../stores/overlay.ts'
import { useProjects } from '../../stores/projects.ts'
import { Ring } from '../../ui/ring.tsx'
import { useNow } from '../../ui/use-now.ts'
import { Failure } from '../failure.tsx'
import { EndedTrayJob, RunningTrayJob } from './tray-job.tsx'
import classes from './jobs-tray.module.css'

const MOST_ENDED = 20

/** How many jobs run, in sight from every page; opens on those and on the latest that ended, of all projects. */
export function JobsTray() {
  const { value, error } = useJobs()
  const opened = useOverlay(({ overlay }) => overlay === 'jobs')
  const jobs = value ?? []
  const running = jobs.filter(({ state }) => state === 'running')
  const count = running.length
  const words = count === 0 ? 'none runs' : count === 1 ? '1 runs' : `${count} run`
  return (
    <>
      <UnstyledButton
        className={classes.button}
        aria-label={`Jobs: ${words}`}
        aria-haspopup="dialog"
        aria-expanded={opened}
        onClick={() => showOverlay('jobs')}
      >
        <Ring fraction={running[0]?.fraction} />
        {count > 0 ? count : 'Jobs'}
      </UnstyledButton>
      <Drawer.Root
        opened={opened}
        onClose={closeOverlay}
        position="right"
        size="30rem"
        classNames={{ content: classes.tray }}
      >
        <Drawer.Overlay backgroundOpacity={0.2} />
        <Drawer.Content>
          {/* Mantine's header element would be a second banner of the page. */}
          <Drawer.Header role="presentation" className={classes.header}>
            <Drawer.Title className={classes.title}>Jobs</Drawer.Title>
            <Drawer.CloseButton aria-label="Close" />
          </Drawer.Header>
          <Drawer.Body className={classes.body}>
            {error && <Failure error={error} />}
            {value && <Contents running={running} ended={jobs.filter(({ state }) => state !== 'running')} />}
          </Drawer.Body>
        </Drawer.Content>
      </Drawer.Root>
    </>
  )
}

function Contents({ running, ended }: { running: JobSummary[]; ended: JobSummary[] }) {
  const projects = useProjects(({ value }) => value)?.projects
  const nowMs = useNow()
  const nameOf = ({ projectId }: JobSummary) => projects?.find(({ id }) => id === projectId)?.name
  const latest = ended.toSorted((a, b) => (b.endedAtMs ?? 0) - (a.endedAtMs ?? 0)).slice(0, MOST_ENDED)
  return (
    <>
      <Part title="Running now">
        {running.map((job) => (
          <RunningTrayJob key={job.id} job={job} projectName={nameOf(job)} leave={closeOverlay} />
        ))}
      </Part>
      {running.length === 0 && (
        <p className={classes.none}>
          No job runs. Calibrations, squeezes and measurements show up here while they work, those of the command line
          too.
        </p>
      )}
      {latest.length > 0 && (
        <Part title="Ended lately">
          {latest.map((job) => (
            <EndedTrayJob key={job.id} job={job} projectName={nameOf(job)} leave={closeOverlay} nowMs={nowMs} />
          ))}
        </Part>
      )}
    </>
  )
}

function Part({ title, children }: { title: string; children: ReactNode[] }) {
  return (
    <div className={classes.section}>
      <h3 className={classes.part}>{title}</h3>
      {children.length > 0 && (
        <ul className={classes.list} aria-label={title}>
          {children}
        </ul>
      )}
    </div>
  )
}
