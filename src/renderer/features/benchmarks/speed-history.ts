import type { ResultSummary } from '../../../shared/contract/studio/index.ts'
import { series } from '../results/recipe-words.ts'
import { setupKey, type Measurement } from './measurements.ts'
import { modelWords } from './model-name.tsx'

export type Trace = {
  id: number
  name: string
  series: 'checkpoint' | 'squeezellm' | 'rtn' | 'other'
  points: { atMs: number; tokensPerSecond: number; spread: [low: number, high: number] }[]
}

/**
 * How fast each model was from measurement to measurement of one setup, oldest first; those measured once are points.
 * Empty while no model was measured twice: there is no course to see then.
 */
export function tracesOf(measurements: Measurement[], results: ResultSummary[], key: string): Trace[] {
  const alike = measurements.filter((measurement) => setupKey(measurement) === key)
  const byModel = Map.groupBy(alike, ({ resultId }) => resultId)
  const traces = [...byModel].flatMap(([resultId, of]): Trace[] => {
    const result = results.find(({ id }) => id === resultId)
    if (resultId !== undefined && !result) return []
    const points = of
      .map(({ createdAtMs, tokensPerSecond: { median, min, max } }) => ({
        atMs: createdAtMs,
        tokensPerSecond: median,
        spread: [min, max] as [number, number],
      }))
      .sort((a, b) => a.atMs - b.atMs)
    return [
      { id: resultId ?? 0, name: modelWords(result), series: result ? series(result.recipe) : 'checkpoint', points },
    ]
  })
  return traces.some(({ points }) => points.length > 1) ? traces : []
}

/** The same from top to bottom, each moved down as far as it takes to be `apart` from the one above. */
export function keptApart<T extends { y: number }>(labels: T[], apart: number): T[] {
  return labels
    .toSorted((a, b) => a.y - b.y)
    .reduce<T[]>((placed, label) => {
      const above = placed.at(-1)
      return [...placed, { ...label, y: above ? Math.max(label.y, above.y + apart) : label.y }]
    }, [])
}
