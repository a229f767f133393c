import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import { checkpointPerplexity, type Forecast, type Outlook } from '../../../shared/sweep/outlook.ts'
import { recipeKey } from '../../../shared/sweep/plan.ts'
import { Facts } from '../../ui/facts.tsx'
import { bits, change, perplexity, size } from '../../ui/units.ts'
import classes from './sweep.module.css'

type Props = { outlook: Outlook; recipe: Recipe; forecast: Forecast | undefined }

/** What a recipe gives: foretold, and measured where it was. */
export function Answer({ outlook, recipe, forecast }: Props) {
  const measured = outlook.byKey.get(recipeKey(recipe))
  const base = checkpointPerplexity(outlook)
  const rise = (value: number) => (base === undefined ? '' : ` (${change(value / base - 1)})`)
  if (!forecast && !measured)
    return <p className={classes.note}>This lies outside of what is tabulated; only a measurement can tell.</p>
  const sizes = measured ?? forecast
  return (
    <Facts
      facts={[
        { name: 'Perplexity, predicted', value: forecast ? predictedText(forecast, rise) : 'outside of the table' },
        {
          name: 'Perplexity, measured',
          value:
            measured === undefined
              ? 'not yet'
              : measured.perplexity === undefined
                ? 'diverged'
                : perplexity(measured.perplexity) + rise(measured.perplexity),
        },
        ...(base === undefined ? [] : [{ name: 'Checkpoint, measured', value: perplexity(base) }]),
        ...(sizes
          ? [{ name: 'Size', value: `${size(sizes.sizeBytes)}, ${bits(sizes.bitsPerWeight)} bits per weight` }]
          : []),
      ]}
    />
  )
}

function predictedText({ perplexity: value, low, high, extrapolates }: Forecast, rise: (value: number) => string) {
  if (value === undefined) return 'after the first measured point'
  return (
    <>
      <span className={classes.predicted}>
        {perplexity(value)}
        {rise(value)}
        {low !== undefined && high !== undefined && `, likely ${perplexity(low)} to ${perplexity(high)}`}
      </span>
      {extrapolates && <span className={classes.caution}>Beyond what was measured: a guess.</span>}
    </>
  )
}
