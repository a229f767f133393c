import type { ResultSummary } from '../../../shared/contract/studio/index.ts'
import { methodWords, recipeBrief, series } from '../results/recipe-words.ts'
import classes from './model-name.module.css'

/** "Checkpoint", or the method and the recipe of a result. */
export function modelWords(result: ResultSummary | undefined): string {
  return result ? `${methodWords(result.recipe)} ${recipeBrief(result.recipe)}` : 'Checkpoint'
}

/** The mark that it has in charts, by colour and shape. */
export function ModelMark({ result }: { result: ResultSummary | undefined }) {
  return <span className={classes.dot} data-series={result ? series(result.recipe) : 'checkpoint'} />
}

/** The same beside the mark that it has in charts. */
export function ModelName({ result, storedAs }: { result: ResultSummary | undefined; storedAs?: string | undefined }) {
  return (
    <span className={classes.model}>
      <ModelMark result={result} />
      {result ? methodWords(result.recipe) : 'Checkpoint'}
      <span className={classes.recipe}>{result ? recipeBrief(result.recipe) : storedAs}</span>
    </span>
  )
}
