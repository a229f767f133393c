import { Skeleton } from '@mantine/core'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { CalibrationsTable } from '../../features/calibrations/calibrations-table.tsx'
import { CheckpointCard } from '../../features/checkpoint/checkpoint-card.tsx'
import { JobHistory } from '../../features/jobs/job-history.tsx'
import { RunningJobs } from '../../features/jobs/running-jobs.tsx'
import { ProjectFrame } from '../../features/project/project-frame.tsx'
import { DeletedResults } from '../../features/results/deleted-results.tsx'
import { NoResults, Results, Tradeoff } from '../../features/results/results.tsx'
import { useComparison } from '../../features/results/use-comparison.ts'
import { SqueezeButton } from '../../features/squeeze/squeeze-form.tsx'
import { useJobs } from '../../stores/jobs.ts'
import { Panel, Section } from '../../ui/section.tsx'
import { useNow } from '../../ui/use-now.ts'
import classes from './project-page.module.css'

export function ProjectPage({ projectId }: { projectId: number }) {
  return (
    <ProjectFrame
      projectId={projectId}
      section="overview"
      waiting={<Waiting />}
      action={(project) => <SqueezeButton project={project} />}
    >
      {(project) => <Overview project={project} />}
    </ProjectFrame>
  )
}

function Overview({ project }: { project: Project }) {
  const nowMs = useNow()
  const choice = useComparison(project)
  const jobs = (useJobs(({ value }) => value) ?? []).filter((job) => job.projectId === project.id)
  const ended = jobs.filter(({ state }) => state !== 'running')
  const { checkpoint, calibrations, results, deleted } = project
  return (
    <>
      <RunningJobs jobs={jobs} />
      <div className={classes.columns}>
        {results.length > 0 ? <Tradeoff project={project} choice={choice} /> : <NoResults path={checkpoint.path} />}
        <CheckpointCard checkpoint={checkpoint} />
      </div>
      {results.length > 0 && <Results project={project} choice={choice} nowMs={nowMs} />}
      {deleted.length > 0 && <DeletedResults projectId={project.id} deleted={deleted} nowMs={nowMs} />}
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

function Waiting() {
  return (
    <div className={classes.columns}>
      <Skeleton height={460} radius={10} />
      <Skeleton height={380} radius={10} />
    </div>
  )
}
