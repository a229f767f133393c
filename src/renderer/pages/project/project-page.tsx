import { Skeleton } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import { useEffect } from 'react'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { CalibrationsTable } from '../../features/calibrations/calibrations-table.tsx'
import { CheckpointCard } from '../../features/checkpoint/checkpoint-card.tsx'
import { Failure } from '../../features/failure.tsx'
import { JobHistory } from '../../features/jobs/job-history.tsx'
import { RunningJobs } from '../../features/jobs/running-jobs.tsx'
import { NoResults, Results, Tradeoff } from '../../features/results/results.tsx'
import { useComparison } from '../../features/results/use-comparison.ts'
import { homeAddress } from '../../route.ts'
import { useJobs } from '../../stores/jobs.ts'
import { openProject, reloadProject, useProject } from '../../stores/project.ts'
import { AlertIcon } from '../../ui/icons.tsx'
import { Message } from '../../ui/message.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { count } from '../../ui/units.ts'
import { useNow } from '../../ui/use-now.ts'
import classes from './project-page.module.css'

export function ProjectPage({ projectId }: { projectId: number }) {
  useEffect(() => openProject(projectId), [projectId])
  const { value: project, error } = useProject()
  return (
    <div className={classes.page}>
      {error && <Failure error={error} retry={reloadProject} />}
      {project ? <Loaded project={project} /> : !error && <Waiting />}
    </div>
  )
}

function Loaded({ project }: { project: Project }) {
  const nowMs = useNow()
  const choice = useComparison(project)
  const jobs = (useJobs(({ value }) => value) ?? []).filter((job) => job.projectId === project.id)
  const ended = jobs.filter(({ state }) => state !== 'running')
  const { checkpoint, calibrations, results } = project
  useDocumentTitle(`${project.name} · Squeeze Studio`)
  return (
    <>
      <header>
        <a className={classes.up} href={homeAddress}>
          Projects
        </a>
        <div className={classes.header}>
          <h1 className={classes.name}>{project.name}</h1>
          <span className={classes.kind}>
            {checkpoint.family}, {count(checkpoint.parameters)} parameters, {checkpoint.dtype}
          </span>
        </div>
      </header>
      {!checkpoint.found && <Moved path={checkpoint.path} />}
      <RunningJobs jobs={jobs} />
      <div className={classes.columns}>
        {results.length > 0 ? <Tradeoff project={project} choice={choice} /> : <NoResults path={checkpoint.path} />}
        <CheckpointCard checkpoint={checkpoint} />
      </div>
      {results.length > 0 && <Results project={project} choice={choice} nowMs={nowMs} />}
      {calibrations.length > 0 && (
        <Section title="Calibrations">
          <Panel>
            <CalibrationsTable calibrations={calibrations} nowMs={nowMs} />
          </Panel>
        </Section>
      )}
      {ended.length > 0 && (
        <Section title="Jobs">
          <Panel>
            <JobHistory jobs={ended} nowMs={nowMs} />
          </Panel>
        </Section>
      )}
    </>
  )
}

function Moved({ path }: { path: string }) {
  return (
    <Message title="The checkpoint is not where it was" tone="warn" icon={<AlertIcon />}>
      {path} is gone. What was learnt is kept; put the folder back to squeeze it again.
    </Message>
  )
}

function Waiting() {
  return (
    <div className={classes.waiting} role="status" aria-label="Loading the project">
      <Skeleton height={32} width={260} radius={8} />
      <div className={classes.columns}>
        <Skeleton height={460} radius={10} />
        <Skeleton height={380} radius={10} />
      </div>
    </div>
  )
}
