import { Button, Progress } from '@mantine/core'
import { useState } from 'react'
import type { JobSummary } from '../../../shared/contract/studio/index.ts'
import { client, refusalInfo } from '../../bridge/index.ts'
import { Panel, Section } from '../../ui/section.tsx'
import { projectAddress } from '../../route.ts'
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
        <Cancel job={job} />
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

/** Ends a job; what it has finished of its work is kept for the next run of the same inputs. */
function Cancel({ job }: { job: JobSummary }) {
  const [asked, setAsked] = useState(false)
  const [refusal, setRefusal] = useState<string>()

  async function cancel() {
    setAsked(true)
    try {
      await client.call('job.cancel', { jobId: job.id })
    } catch (refused) {
      const { message, hint } = refusalInfo(refused)
      setRefusal([message, hint].filter(Boolean).join(' '))
    }
  }

  if (refusal) return <span className={classes.stage}>{refusal}</span>
  return (
    <Button
      size="compact-xs"
      variant="default"
      disabled={asked}
      onClick={() => void cancel()}
      aria-label={`Cancel ${doingWords(job).toLowerCase()}`}
    >
      {asked ? 'Cancelling…' : 'Cancel'}
    </Button>
  )
}
