import { Progress } from '@mantine/core'
import type { JobSummary } from '../../../shared/contract/studio/index.ts'
import { Panel, Section } from '../../ui/section.tsx'
import { projectAddress } from '../../route.ts'
import { CancelButton } from './cancel-button.tsx'
import { doingWords, paceWords, stageWords } from './job-words.ts'
import classes from './running-jobs.module.css'

type Props = {
  jobs: JobSummary[]
  /** Where given, a job names its project. */
  projectNames?: Map<number, string>
}

/** Jobs that run now, in whichever process. Nothing at all when none does. */
export function RunningJobs({ jobs, projectNames }: Props) {
  const running = jobs.filter(({ state }) => state === 'running')
  if (running.length === 0) return null
  return (
    <Section title="Running now">
      <Panel>
        {running.map((job) => (
          <RunningJob key={job.id} job={job} projectName={projectNames?.get(job.projectId ?? 0)} />
        ))}
      </Panel>
    </Section>
  )
}

function RunningJob({ job, projectName }: { job: JobSummary; projectName: string | undefined }) {
  const done = Math.floor(job.fraction * 100)
  return (
    <div className={classes.job}>
      <div className={classes.line}>
        <span className={classes.what}>{doingWords(job)}</span>
        {projectName && job.projectId !== undefined && <a href={projectAddress(job.projectId)}>{projectName}</a>}
        <span className={classes.stage}>{stageWords(job)}</span>
        <span className={classes.pace}>{paceWords(job)}</span>
        <span className={classes.done}>{done} %</span>
        <CancelButton job={job} />
      </div>
      <Progress
        value={job.fraction * 100}
        size={6}
        color="var(--accent)"
        radius="xl"
        transitionDuration={200}
        aria-label={doingWords(job)}
        classNames={{ root: classes.track }}
      />
    </div>
  )
}
