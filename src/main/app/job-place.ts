import { projectPlace, resultPlace, type ProjectSection } from '../../shared/contract/studio/place.ts'
import type { JobSummary, ResultSummary } from '../../shared/contract/studio/index.ts'

const SECTIONS: Record<string, ProjectSection> = {
  calibration: 'sensitivity',
  errors: 'sweep',
  sweep: 'sweep',
  generation: 'chat',
  benchmark: 'speed',
}

/** Where the page shows what a job has made: a squeeze its result, anything else the page of its kind. */
export function jobPlace({ projectId, kind, state, startedAtMs }: JobSummary, results: ResultSummary[]): string {
  if (projectId === undefined) return '#/'
  if (state !== 'done') return projectPlace(projectId)
  const since = results.filter(({ createdAtMs }) => createdAtMs >= startedAtMs)
  const [made] = since.toSorted((a, b) => a.createdAtMs - b.createdAtMs)
  if (kind === 'quantization' && made) return resultPlace(projectId, made.id)
  return projectPlace(projectId, SECTIONS[kind])
}
