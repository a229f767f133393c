import type { EvaluationSummary, Project, ResultSummary, Stamp } from '../../../shared/contract/studio/index.ts'

export type Measured = { result: ResultSummary; evaluation?: EvaluationSummary }

/** What was measured in one way: the checkpoint and every result. */
export type Comparison = {
  stamp?: Stamp
  /** The checkpoint's own, measured in the same way by itself or beside a result. */
  before?: number
  /** Smallest result first. */
  rows: Measured[]
}

/** The ways of measuring that a project knows: those that cover most models first, then the newest. */
export function stampsOf(evaluations: EvaluationSummary[]): { stamp: Stamp; models: number }[] {
  const byKey = new Map<string, { stamp: Stamp; models: Set<number>; newestMs: number }>()
  for (const { stamp, resultId, createdAtMs } of evaluations) {
    const entry = byKey.get(stamp.key) ?? { stamp, models: new Set(), newestMs: 0 }
    entry.models.add(resultId ?? 0)
    entry.newestMs = Math.max(entry.newestMs, createdAtMs)
    byKey.set(stamp.key, entry)
  }
  return [...byKey.values()]
    .sort((a, b) => b.models.size - a.models.size || b.newestMs - a.newestMs)
    .map(({ stamp, models }) => ({ stamp, models: models.size }))
}

/** Every result with its latest measurement under one stamp: numbers of different stamps never meet. */
export function compareOn(project: Pick<Project, 'results' | 'evaluations'>, key: string | undefined): Comparison {
  const alike = project.evaluations
    .filter(({ stamp }) => stamp.key === key)
    .sort((a, b) => b.createdAtMs - a.createdAtMs)
  return {
    stamp: alike[0]?.stamp,
    before:
      alike.find(({ resultId }) => resultId === undefined)?.perplexity ??
      alike.find(({ againstPerplexity }) => againstPerplexity !== undefined)?.againstPerplexity,
    rows: [...project.results]
      .sort((a, b) => a.sizeBytes - b.sizeBytes || b.createdAtMs - a.createdAtMs)
      .map((result) => ({ result, evaluation: alike.find(({ resultId }) => resultId === result.id) })),
  }
}

/** A rise of the perplexity that a person should see. */
export const MUCH = 0.05

/** Relative rise of the perplexity, where both are numbers. */
export function perplexityChange(before?: number, after?: number): number | undefined {
  return before === undefined || after === undefined ? undefined : after / before - 1
}

/** "held-out.txt · 40 windows of 512 tokens · 20,440 predicted · no BOS · fp32" */
export function stampWords({ textName, windows, windowLength, tokens, bos, precision }: Stamp): string {
  const rule = bos === 'none' ? 'no BOS' : bos === 'text' ? 'BOS before the text' : 'BOS before each window'
  const count = `${windows.toLocaleString('en-US')} ${windows === 1 ? 'window' : 'windows'} of ${windowLength} tokens`
  return [textName, count, `${tokens.toLocaleString('en-US')} predicted`, rule, precision].join(' · ')
}
