import { Skeleton } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import type { JobSummary, LogLine } from '../../../shared/contract/studio/index.ts'
import { client, refusalInfo } from '../../bridge/index.ts'
import { Failure } from '../failure.tsx'
import { clock } from '../../ui/units.ts'
import { jobNoun } from './job-words.ts'
import classes from './job-log.module.css'

const LINES = 200

/** The end of what a job has logged; read anew as the job goes on, with the last line in sight. */
export function JobLog({ job }: { job: JobSummary }) {
  const [lines, setLines] = useState<LogLine[]>()
  const [error, setError] = useState<ErrorInfo>()
  const box = useRef<HTMLDivElement>(null)

  useEffect(() => {
    let current = true
    client.call('job.log', { jobId: job.id, lines: LINES }).then(
      (log) => current && setLines(log.lines),
      (refused: unknown) => current && setError(refusalInfo(refused)),
    )
    return () => void (current = false)
  }, [job])

  useEffect(() => {
    // Nothing is returned: in newer browsers scrollTo gives a promise, and that is no way to clean up.
    void box.current?.scrollTo({ top: box.current.scrollHeight })
  }, [lines])

  if (error) return <Failure error={error} />
  if (!lines) return <Skeleton height={64} radius={8} />
  if (lines.length === 0) return <p className={classes.none}>No log is kept of this job.</p>
  return (
    <div
      ref={box}
      className={classes.log}
      role="log"
      tabIndex={0}
      aria-label={`Log of the ${jobNoun(job).toLowerCase()}`}
    >
      {lines.map(({ atMs, text }, index) => (
        <div key={index} className={classes.line}>
          <span className={classes.time}>{clock(atMs)}</span>
          {text}
        </div>
      ))}
    </div>
  )
}
