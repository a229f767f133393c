import { Button, Progress } from '@mantine/core'
import { useState, type ReactNode } from 'react'
import type { JobSummary } from '../../../shared/contract/studio/index.ts'
import { projectAddress } from '../../route.ts'
import { Ago } from '../../ui/data-table.tsx'
import { duration } from '../../ui/units.ts'
import { failurePlace, failureTitles } from '../failure.tsx'
import { CancelButton } from './cancel-button.tsx'
import { JobLog } from './job-log.tsx'
import { doingWords, jobNoun, paceWords, stageWords, STATES } from './job-words.ts'
import { RetryButton } from './retry-button.tsx'
import classes from './tray-job.module.css'

type Props = { job: JobSummary; projectName: string | undefined; leave: () => void }

export function RunningTrayJob({ job, projectName, leave }: Props) {
  return (
    <li className={classes.job}>
      <Title what={doingWords(job)} job={job} projectName={projectName} leave={leave}>
        <span className={classes.done}>{Math.floor(job.fraction * 100)} %</span>
      </Title>
      <Progress
        value={job.fraction * 100}
        size={4}
        color="var(--accent)"
        radius="xl"
        transitionDuration={200}
        aria-label={doingWords(job)}
        classNames={{ root: classes.track }}
      />
      <div className={classes.stage}>{stageWords(job)}</div>
      <Foot job={job} words={paceWords(job) || 'No estimate yet'}>
        <CancelButton job={job} />
      </Foot>
    </li>
  )
}

export function EndedTrayJob({ job, projectName, leave, nowMs }: Props & { nowMs: number }) {
  const { error, startedAtMs, endedAtMs = startedAtMs } = job
  return (
    <li className={classes.job}>
      <Title what={jobNoun(job)} job={job} projectName={projectName} leave={leave}>
        <span className={classes.quiet}>
          <Ago thenMs={endedAtMs} nowMs={nowMs} />
        </span>
      </Title>
      <Foot
        job={job}
        words={
          <>
            <span className={classes.state} data-state={job.state}>
              {STATES[job.state]}
              {error && `: ${failureTitles[error.code].toLowerCase()}`}
            </span>
            {' · '}
            {duration(endedAtMs - startedAtMs)}
          </>
        }
        explanation={error && <Why error={error} />}
      >
        {job.retryable && <RetryButton job={job} />}
      </Foot>
    </li>
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

function Title({ what, job, projectName, leave, children }: Props & { what: string; children: ReactNode }) {
  return (
    <div className={classes.title}>
      <span className={classes.what}>{what}</span>
      {projectName && job.projectId !== undefined && (
        <a href={projectAddress(job.projectId)} onClick={leave}>
          {projectName}
        </a>
      )}
      {children}
    </div>
  )
}

type FootProps = { job: JobSummary; words: ReactNode; explanation?: ReactNode; children: ReactNode }

/** How a job stands, and what can be done; its log opens below. */
function Foot({ job, words, explanation, children }: FootProps) {
  const [open, setOpen] = useState(false)
  return (
    <>
      <div className={classes.foot}>
        <span className={classes.words}>{words}</span>
        {children}
        <Button
          size="compact-xs"
          variant="subtle"
          color="gray"
          aria-expanded={open}
          aria-label={`Log of the ${jobNoun(job).toLowerCase()}`}
          onClick={() => setOpen((known) => !known)}
        >
          Log
        </Button>
      </div>
      {explanation}
      {open && <JobLog job={job} />}
    </>
  )
}
