import { SegmentedControl } from '@mantine/core'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import { Choice } from './choice.tsx'
import classes from '../../ui/form.module.css'

type Fields = Required<Pick<Recipe, 'outliers' | 'group' | 'share' | 'refine'>>

/**
 * What speaks for fields that go together. The best is what won at equal size wherever much was lost (docs/results.md);
 * it is not what a form begins with, because refinement takes the processor twice as long as a calibration does.
 */
const PRESETS: { value: string; label: string; fields: Fields; words: string }[] = [
  {
    value: 'published',
    label: 'As published',
    fields: { outliers: 'paper', group: 0, share: 1, refine: 0 },
    words: 'As the paper has it, and what a sweep foretells.',
  },
  {
    value: 'best',
    label: 'Best measured',
    fields: { outliers: 'loss-aware', group: 0, share: 1, refine: 20 },
    words:
      'Keeps the weights that save most loss, then refines the codebooks in 20 steps: less is lost at the same size, most at 2 and 3 bits. Refining takes the processor about twice as long as calibrating.',
  },
]

/** Pressed is the preset whose fields the recipe has, whoever set them. */
export function Preset({ recipe, change }: { recipe: Recipe; change: (recipe: Recipe) => void }) {
  const { group = 0, share = 1, refine = 0, ...rest } = recipe
  const has = ({ fields }: (typeof PRESETS)[number]) =>
    group === fields.group &&
    share === fields.share &&
    refine === fields.refine &&
    (recipe.sparsity === 0 || recipe.outliers === fields.outliers)
  const pressed = PRESETS.find(has)

  function take(value: string) {
    const fields = PRESETS.find((preset) => preset.value === value)?.fields
    if (fields) change({ ...rest, outliers: fields.outliers, ...(fields.refine ? { refine: fields.refine } : {}) })
  }

  return (
    <Choice label="Recipe">
      <SegmentedControl
        aria-label="Recipe"
        value={pressed?.value ?? 'own'}
        onChange={take}
        data={[...PRESETS, ...(pressed ? [] : [{ value: 'own', label: 'Own' }])].map(({ value, label }) => ({
          value,
          label,
        }))}
      />
      {pressed && <p className={classes.words}>{pressed.words}</p>}
    </Choice>
  )
}
