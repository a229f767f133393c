import type { Recipe } from '../contract/sidecar/quantization.ts'

/** What the field knows as SqueezeLLM: 3 bits, 0.45 % kept by the paper's rule, codebooks as they were clustered. */
export const PUBLISHED_RECIPE = {
  method: 'squeezellm',
  bits: 3,
  sparsity: 0.0045,
  outliers: 'paper',
  solver: 'exact',
  weighting: 'fisher',
} satisfies Recipe

/** They take about as long as a calibration does. */
export const REFINEMENT_STEPS = 20

/** How the studio squeezes unless it is told otherwise: what lost least at equal size on every model that was measured. */
export const DEFAULT_RECIPE = {
  ...PUBLISHED_RECIPE,
  outliers: 'loss-aware',
  refine: REFINEMENT_STEPS,
} satisfies Recipe

/** Whether refinement has codebooks to move, one for each row, and a calibration's text to learn from. */
export function refinable({ method, weighting, group = 0, share = 1 }: Partial<Recipe>): boolean {
  return method === 'squeezellm' && weighting === 'fisher' && group === 0 && share === 1
}
