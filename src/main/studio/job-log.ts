import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { LogLine } from '../../shared/contract/studio/index.ts'
import type { JobProgress } from './progress.ts'

/** How many of the latest jobs keep their log. */
const KEEP_JOBS = 200
const LIMIT_BYTES = 256 * 1024

export type JobLog = {
  /** Several lines where the text has them. */
  write: (text: string) => void
  /** A line at each new stage and each further tenth of the whole. */
  progressed: (progress: JobProgress) => void
  /** The last lines; written even where the log is full. */
  end: (text: string) => void
}

/**
 * The log of one job, a file in the studio's folder that any shell may read while the job runs. At most 256 KiB, of the
 * latest 200 jobs. A log that cannot be written is no reason to fail.
 */
export function openJobLog(home: string, jobId: number): JobLog {
  const file = fileOf(home, jobId)
  let bytes = 0
  let reached = ''

  quietly(() => {
    mkdirSync(join(home, 'logs', 'jobs'), { recursive: true })
    writeFileSync(file, '')
    rmSync(fileOf(home, jobId - KEEP_JOBS), { force: true })
  })

  function put(text: string) {
    const now = new Date().toISOString()
    const lines = text.split('\n').map((line) => `${now} ${line}\n`)
    quietly(() => appendFileSync(file, lines.join('')))
    bytes += lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0)
  }

  function write(text: string) {
    if (bytes > LIMIT_BYTES) return
    put(text)
    if (bytes > LIMIT_BYTES) put('The log is full; only the end of the job will follow.')
  }

  return {
    write,
    progressed({ stage, fraction, detail }) {
      const tenth = Math.floor(fraction * 10)
      if (reached === `${stage} ${tenth}`) return
      reached = `${stage} ${tenth}`
      write(`${String(Math.floor(fraction * 100)).padStart(3)} % ${[stage, detail].filter(Boolean).join(': ')}`)
    },
    end: put,
  }
}

/** The last lines, oldest first; none where no log is kept. */
export function readJobLog(home: string, jobId: number, most: number): LogLine[] {
  let text = ''
  quietly(() => (text = readFileSync(fileOf(home, jobId), 'utf8')))
  const lines = text.split('\n').slice(0, -1)
  return lines.slice(-most).map((line) => {
    const at = line.indexOf(' ')
    return { atMs: Date.parse(line.slice(0, at)) || 0, text: line.slice(at + 1) }
  })
}

function fileOf(home: string, jobId: number): string {
  return join(home, 'logs', 'jobs', `${jobId}.log`)
}

function quietly(work: () => void): void {
  try {
    work()
  } catch {
    // The job says what fails of the job; its log is only told to help.
  }
}
