import type { JobSummary } from '../../../shared/contract/studio/index.ts'
import { rate, timeLeft } from '../../ui/units.ts'

export { jobNoun } from '../../../shared/contract/studio/job-words.ts'

const DOING: Record<string, string> = {
  calibration: 'Calibrating',
  quantization: 'Squeezing',
  evaluation: 'Measuring perplexity',
  errors: 'Tabulating errors',
  sweep: 'Measuring recipes',
  generation: 'Generating',
  export: 'Exporting',
  benchmark: 'Measuring speed',
}

export const STATES: Record<JobSummary['state'], string> = {
  running: 'runs',
  done: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
  interrupted: 'interrupted: its process ended',
}

export function doingWords({ kind }: JobSummary): string {
  return DOING[kind] ?? kind
}

/** "Reading layers · model.layers.3.mlp.up_proj" */
export function stageWords({ stage, detail }: JobSummary): string {
  return [stage, detail].filter(Boolean).join(' · ') || 'Starting'
}

/** "1.24 M weights/s · about 40 s left" */
export function paceWords(job: JobSummary): string {
  return [
    job.rate !== undefined && job.rateUnit && rate(job.rate, job.rateUnit),
    job.remainingMs !== undefined && timeLeft(job.remainingMs),
  ]
    .filter(Boolean)
    .join(' · ')
}
