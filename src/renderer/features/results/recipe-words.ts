import type { ResultSummary } from '../../../shared/contract/studio/index.ts'
import { beyondPaperWords } from '../../../shared/recipe/beyond-paper.ts'
import { percent } from '../../ui/units.ts'

type Recipe = ResultSummary['recipe']

const METHODS: Record<string, string> = { squeezellm: 'SqueezeLLM', rtn: 'RTN' }

export function methodWords({ method, weighting }: Recipe): string {
  if (method === 'squeezellm' && weighting === 'none') return 'Unweighted k-means'
  return METHODS[method] ?? method
}

/** "3-bit + 0.45 %, refined" */
export function recipeBrief({ bits, sparsity, refine }: Recipe): string {
  const brief = sparsity > 0 ? `${bits}-bit + ${percent(sparsity)}` : `${bits}-bit`
  return refine ? `${brief}, refined` : brief
}

/** What the brief words leave out: "outliers by the paper's rule · exact clustering" */
export function recipeDetail(recipe: Recipe): string {
  const { method, outliers, solver, sparsity } = recipe
  const rule = outliers === 'paper' ? "outliers by the paper's rule" : 'loss-aware outliers'
  return [
    sparsity > 0 && rule,
    method === 'squeezellm' && (solver === 'exact' ? 'exact clustering' : 'Lloyd clustering'),
    ...beyondPaperWords(recipe),
  ]
    .filter(Boolean)
    .join(' · ')
}

/** Names a colour and a shape of the chart. */
export function series({ method, weighting }: Recipe): 'squeezellm' | 'rtn' | 'other' {
  if (method === 'squeezellm' && weighting === 'fisher') return 'squeezellm'
  return method === 'rtn' ? 'rtn' : 'other'
}
