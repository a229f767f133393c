import { NativeSelect } from '@mantine/core'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import { PAPER_FIELDS, beyondPaperFields, beyondPaperWords } from '../../../shared/recipe/beyond-paper.ts'
import classes from '../../ui/form.module.css'

type Props = { recipe: Recipe; tied: boolean; change: (recipe: Recipe) => void }

const SHARES = [1, 2, 4, 8, 16]
const GROUPS = [0, 256, 128, 64, 32]
const WIDTHS = [16, 8, 4]
const REFINEMENTS = [0, 20, 40, 100]
const options = (values: number[], words: (value: number) => string) =>
  values.map((value) => ({ value: String(value), label: words(value) }))

/** What the paper does not have; folded away, since nothing of it is needed. */
export function Advanced({ recipe, tied, change }: Props) {
  const fields = { ...PAPER_FIELDS, ...recipe }
  const words = beyondPaperWords(recipe)
  function set(part: Partial<typeof PAPER_FIELDS>) {
    const { group: _g, share: _s, embeddingBits: _e, headBits: _h, refine: _r, ...rest } = recipe
    change({ ...rest, ...beyondPaperFields({ ...fields, ...part }) })
  }
  return (
    <details className={classes.advanced}>
      <summary>Advanced{words.length > 0 && <span className={classes.chosen}>{words.join(', ')}</span>}</summary>
      <div className={classes.fields}>
        {recipe.method === 'squeezellm' && (
          <>
            <NativeSelect
              label="A codebook serves"
              description="Fewer codebooks take less room."
              value={String(fields.share)}
              onChange={(event) => set({ share: Number(event.currentTarget.value), refine: 0 })}
              data={options(SHARES, (rows) => (rows === 1 ? 'one row' : `${rows} neighbouring rows`))}
            />
            <NativeSelect
              label="and of each row"
              description="More codebooks follow the weights closer."
              value={String(fields.group)}
              onChange={(event) => set({ group: Number(event.currentTarget.value), refine: 0 })}
              data={options(GROUPS, (weights) => (weights === 0 ? 'all weights' : `${weights} weights`))}
            />
            <NativeSelect
              label="Refine the codebooks"
              description="Gradient descent towards the checkpoint's own answers, on the calibration text. Costs time, no bits."
              disabled={fields.share > 1 || fields.group > 0}
              value={String(fields.refine)}
              onChange={(event) => set({ refine: Number(event.currentTarget.value) })}
              data={options(REFINEMENTS, (steps) => (steps === 0 ? 'no' : `${steps} steps`))}
            />
          </>
        )}
        <NativeSelect
          label={tied ? 'Embedding, also the head' : 'Embedding'}
          value={String(fields.embeddingBits)}
          onChange={(event) => set({ embeddingBits: Number(event.currentTarget.value) })}
          data={options(WIDTHS, widthWords)}
        />
        {!tied && (
          <NativeSelect
            label="Output head"
            value={String(fields.headBits)}
            onChange={(event) => set({ headBits: Number(event.currentTarget.value) })}
            data={options(WIDTHS, widthWords)}
          />
        )}
      </div>
    </details>
  )
}

const widthWords = (width: number) => (width === PAPER_FIELDS.headBits ? 'as it is' : `${width} bits`)
