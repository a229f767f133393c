import type { Project, ResultSummary, SpeedSummary } from '../../../shared/contract/studio/index.ts'
import { compareOn, perplexityChange, stampsOf } from '../../features/results/comparison.ts'
import type { Figure } from '../../features/results/figures.tsx'
import { bits, change, nats, perplexity, ratio, share, size } from '../../ui/units.ts'

/** What the result takes and what it lost, on the stamp that covers most models. */
export function headline(project: Project, result: ResultSummary, speeds: SpeedSummary[]): Figure[] {
  const { checkpoint, evaluations } = project
  const { fp16SizeBytes } = result
  return [
    {
      name: 'Bits per weight',
      value: bits(result.bitsPerWeight),
      note: `checkpoint ${bits(checkpoint.bitsPerWeight)}`,
    },
    {
      name: 'Size on disk',
      ...split(size(result.sizeBytes)),
      note:
        fp16SizeBytes === undefined
          ? `checkpoint ${size(checkpoint.sizeBytes)}`
          : `${ratio(fp16SizeBytes / result.sizeBytes)} smaller than at 16 bits, ${size(fp16SizeBytes)}`,
    },
    ...quality(project, result, stampsOf(evaluations.filter(({ resultId }) => resultId === result.id))[0]?.stamp.key),
    ...speed(result, speeds),
  ]
}

function quality(project: Project, result: ResultSummary, key: string | undefined): Figure[] {
  const { before, rows } = compareOn(project, key)
  const evaluation = rows.find((row) => row.result.id === result.id)?.evaluation
  if (!evaluation) return [{ name: 'Perplexity', value: '–', note: 'not measured yet' }]
  const { perplexity: after, klMean, top1Agreement, stamp } = evaluation
  const rise = perplexityChange(before, after)
  const figures: Figure[] = [
    {
      name: `Perplexity, measured on ${stamp.textName}`,
      value: after === undefined ? 'diverged' : perplexity(after),
      note: [before !== undefined && `checkpoint ${perplexity(before)}`, rise !== undefined && change(rise)]
        .filter(Boolean)
        .join(', '),
    },
  ]
  if (klMean === undefined) return figures
  const same = top1Agreement === undefined ? undefined : `same top token for ${share(top1Agreement)}`
  return [...figures, { name: 'KL divergence, measured', value: nats(klMean), unit: 'nats/token', note: same }]
}

/** Shown once it was measured; the conditions say how. */
function speed(result: ResultSummary, speeds: SpeedSummary[]): Figure[] {
  const own = speeds.find(({ resultId }) => resultId === result.id)
  if (!own) return []
  const base = speeds.find(({ resultId, key }) => resultId === undefined && key === own.key)
  const note = base ? `checkpoint ${base.tokensPerSecond.median.toFixed(1)}` : own.conditions
  return [{ name: 'Generation, measured', value: own.tokensPerSecond.median.toFixed(1), unit: 'tokens/s', note }]
}

/** "2.42 MB" → its number and its unit. */
function split(words: string): { value: string; unit?: string } {
  const [value = '', unit] = words.split('\u00a0')
  return { value, unit }
}
