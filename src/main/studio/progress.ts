import type { JobProgress } from '../db/index.ts'

export type { JobProgress } from '../db/index.ts'
export type ProgressListener = (progress: JobProgress) => void

/**
 * The stretch from..to (0..1) of a longer job, as a listener of its own. The time left is that of the stretch, carried
 * on to the end at the same pace.
 */
export function stretch(listener: ProgressListener | undefined, from: number, to: number): ProgressListener {
  return (progress) => {
    const fraction = from + progress.fraction * (to - from)
    const { remainingMs, ...rest } = progress
    const left =
      remainingMs === undefined || fraction >= to ? undefined : (remainingMs * (1 - fraction)) / (to - fraction)
    listener?.({ ...rest, fraction, ...(left === undefined ? {} : { remainingMs: left }) })
  }
}
