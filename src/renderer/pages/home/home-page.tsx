import { Skeleton, VisuallyHidden } from '@mantine/core'
import { useDocumentTitle } from '@mantine/hooks'
import type { ListedProjects } from '../../../shared/contract/studio/index.ts'
import { Failure } from '../../features/failure.tsx'
import { RunningJobs } from '../../features/jobs/running-jobs.tsx'
import { MachineCard } from '../../features/machine/machine-card.tsx'
import { SampleButton } from '../../features/opening/sample-button.tsx'
import { useJobs } from '../../stores/jobs.ts'
import { loadProjects, useProjects } from '../../stores/projects.ts'
import { Section } from '../../ui/section.tsx'
import { useNow } from '../../ui/use-now.ts'
import { Command } from '../../ui/command.tsx'
import { NoProjects, SQUEEZE_LINE } from './no-projects.tsx'
import { OpenCheckpoint } from './open-checkpoint.tsx'
import { ProjectList } from './project-list.tsx'
import classes from './home-page.module.css'

export function HomePage() {
  const { value, error } = useProjects()
  const projects = value?.projects
  const jobs = useJobs(({ value }) => value)
  const nowMs = useNow()
  useDocumentTitle('Squeeze Studio')
  const names = new Map(projects?.map(({ id, name }) => [id, name]))
  return (
    <div className={classes.page}>
      <VisuallyHidden component="h1">Squeeze Studio</VisuallyHidden>
      <div className={classes.main}>
        <RunningJobs jobs={jobs ?? []} projectNames={names} />
        <Section title="Projects" note={projects && projects.length > 0 && String(projects.length)}>
          {error && <Failure error={error} retry={loadProjects} />}
          {!projects && !error && <Waiting />}
          {value &&
            (value.projects.length === 0 ? (
              <NoProjects offersSample={value.offersSample} />
            ) : (
              <Projects list={value} nowMs={nowMs} />
            ))}
        </Section>
      </div>
      <aside className={classes.side}>
        <MachineCard />
      </aside>
    </div>
  )
}

function Projects({ list: { projects, offersSample }, nowMs }: { list: ListedProjects; nowMs: number }) {
  return (
    <>
      <ProjectList projects={projects} nowMs={nowMs} />
      <div className={classes.another}>
        <OpenCheckpoint />
        {offersSample && <SampleButton />}
        <div className={classes.line}>
          or squeeze another <Command line={SQUEEZE_LINE} />
        </div>
      </div>
    </>
  )
}

function Waiting() {
  return (
    <div className={classes.waiting} aria-label="Loading projects" role="status">
      {[0, 1, 2].map((line) => (
        <Skeleton key={line} height={64} radius={10} />
      ))}
    </div>
  )
}
