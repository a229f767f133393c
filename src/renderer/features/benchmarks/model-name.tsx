import type { ResultSummary } from '../../../shared/contract/studio/index.ts'
import { methodWords, recipeBrief, series } from '../results/recipe-words.ts'
import classes from './model-name.module.css'

/** "Checkpoint", or the method and the recipe of a result. */
export function modelWords(result: ResultSummary | undefined): string {
  return result ? `${methodWords(result.recipe)} ${recipeBrief(result.recipe)}` : 'Checkpoint'
}

/** The same beside the mark that it has in charts. */
export function ModelName({ result, storedAs }: { result: ResultSummary | undefined; storedAs?: string | undefined }) {
  return (
    <span className={classes.model}>
      <span className={classes.dot} data-series={result ? series(result.recipe) : 'checkpoint'} />
      {result ? methodWords(result.recipe) : 'Checkpoint'}
      <span className={classes.recipe}>{result ? recipeBrief(result.recipe) : storedAs}</span>
    </span>
  )
}
