import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { client } from '../../bridge/index.ts'
import { useAttempt } from '../use-attempt.ts'

/** Measures recipes, or squeezes by one. */
export function useStart({ id: projectId }: Project) {
  const { attempt, busy, error } = useAttempt()
  return {
    busy,
    error,
    measure: (recipes: Recipe[]) => attempt(() => client.call('sweep.start', { projectId, recipes })),
    squeeze: (recipe: Recipe) => attempt(() => client.call('squeeze.start', { projectId, recipe })),
  }
}
