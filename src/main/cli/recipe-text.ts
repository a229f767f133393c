import type { Recipe } from '../../shared/contract/sidecar/quantization.ts'
import { percent } from './units.ts'

/** "squeezellm, 3 bits, 0.45% kept exactly (paper), exact clustering": a recipe in words. */
export function recipeText(recipe: Recipe): string {
  const { method, bits, sparsity, outliers, solver, weighting, overrides, refine } = recipe
  return [
    method,
    `${bits} bits`,
    sparsity > 0 ? `${percent(sparsity)} kept exactly (${outliers})` : 'nothing kept apart',
    ...(method === 'rtn' ? [] : [`${solver} clustering`]),
    ...(method !== 'rtn' && weighting === 'none' ? ['every weight alike'] : []),
    ...(refine ? [`refined in ${refine} ${refine === 1 ? 'step' : 'steps'}`] : []),
    ...(overrides?.length ? [`${overrides.length} ${overrides.length === 1 ? 'exception' : 'exceptions'}`] : []),
  ].join(', ')
}
