import { fail } from '../../shared/contract/studio-error.ts'
import type { RunOptions } from './recording.ts'

/** Jobs that a page has started. They go on when the page is gone, and end with the studio or when somebody says so. */
export type Background = {
  /**
   * Starts a use case and returns the number of the first job it records. What fails before that is thrown; what fails
   * later stands in the job.
   */
  start: (work: (options: RunOptions) => Promise<unknown>) => Promise<number>
  /** Throws not-found for a job that this process does not run. */
  cancel: (jobId: number) => void
  /** Ends them all because the studio closes; resolves when each has recorded its end. */
  close: () => Promise<void>
}

const CLOSING = Symbol('the studio closes')

/** Whether a job ends because its studio closes, and not because somebody cancelled it. */
export function studioCloses(signal: AbortSignal | undefined): boolean {
  return signal?.reason === CLOSING
}

/** `machinery` says, at the start of each work, what it is to be computed with. */
export function makeBackground(
  machinery: () => Pick<RunOptions, 'device' | 'threads' | 'memory'> = () => ({}),
): Background {
  const running = new Map<number, AbortController>()
  const works = new Map<AbortController, Promise<unknown>>()

  function start(work: (options: RunOptions) => Promise<unknown>): Promise<number> {
    const controller = new AbortController()
    const jobs: number[] = []
    return new Promise((resolve, reject) => {
      const onJob = (id: number) => {
        jobs.push(id)
        running.set(id, controller)
        resolve(id)
      }
      const ended = work({ ...machinery(), signal: controller.signal, onJob })
        .then(() => reject(fail('output-exists', 'All of this was made before; there is nothing left to do.')), reject)
        .finally(() => {
          for (const id of jobs) running.delete(id)
          works.delete(controller)
        })
      works.set(controller, ended)
    })
  }

  return {
    start,
    cancel: (jobId) => {
      const controller = running.get(jobId)
      if (controller) return controller.abort()
      throw fail('not-found', `Job ${jobId} does not run in this studio.`, {
        hint: 'A job of the command line ends with Ctrl-C where it runs.',
      })
    },
    close: async () => {
      const ends = [...works.values()]
      for (const controller of works.keys()) controller.abort(CLOSING)
      await Promise.all(ends)
    },
  }
}
