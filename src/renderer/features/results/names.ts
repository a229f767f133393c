import type { ResultSummary } from '../../../shared/contract/studio/index.ts'
import { methodWords, recipeBrief } from './recipe-words.ts'

/** "SqueezeLLM 3-bit + 0.45 %" */
export function resultName({ recipe }: Pick<ResultSummary, 'recipe'>): string {
  return `${methodWords(recipe)} ${recipeBrief(recipe)}`
}
