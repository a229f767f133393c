import type { SweepChoices } from '../../../shared/contract/studio/index.ts'
import { REFINEMENT_STEPS } from '../../../shared/recipe/default-recipe.ts'
import { percent } from '../../../shared/units.ts'
import { shellQuoted } from '../../ui/shell-quoted.ts'

/** The line that does the same without a window. */
export function commandOf(
  path: string,
  { mode, bits, sparsity, allowedBits, keep, sameInLayer }: SweepChoices,
  budget: number | undefined,
  tabulated: readonly number[],
  refined: boolean,
): string {
  const quantize = `squeeze quantize ${shellQuoted(path)}`
  const kept = sparsity > 0 ? ['--sparsity', percent(sparsity, 4).replace(/\s/, '')] : []
  if (mode === 'alike' || budget === undefined)
    return [quantize, '--bits', bits, ...kept, refined ? '--outliers paper' : '--as-published'].join(' ')
  // Where no width is named, the command line may also leave matrices as they are.
  const usual = allowedBits.includes(16) && tabulated.every((width) => allowedBits.includes(width))
  return [
    'squeeze recipe',
    shellQuoted(path),
    '--budget',
    `${Number(budget.toFixed(4))}bpw`,
    ...(usual ? [] : ['--bits', allowedBits.join(',')]),
    ...(keep.length > 0 ? ['--keep', ...keep.map(shellQuoted)] : []),
    ...(sameInLayer ? ['--same-in-layer'] : []),
    '--out recipe.json &&',
    quantize,
    '--recipe recipe.json',
    ...(refined ? ['--refine', REFINEMENT_STEPS] : []),
  ].join(' ')
}
