import { SegmentedControl } from '@mantine/core'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import { DEFAULT_RECIPE, PUBLISHED_RECIPE, REFINEMENT_STEPS } from '../../../shared/recipe/default-recipe.ts'
import { Choice } from './choice.tsx'
import classes from '../../ui/form.module.css'

/** What speaks for fields that go together. */
const PRESETS: { value: string; label: string; fields: Pick<Recipe, 'outliers' | 'refine'>; words: string }[] = [
  {
    value: 'best',
    label: 'Best measured',
    fields: DEFAULT_RECIPE,
    words: `Keeps the weights that save most loss, then refines the codebooks in ${REFINEMENT_STEPS} steps: less is lost at the same size, most at 2 and 3 bits. Refining takes about as long as calibrating.`,
  },
  {
    value: 'published',
    label: 'As published',
    fields: PUBLISHED_RECIPE,
    words: 'As the paper has it, and what a sweep foretells: codebooks as they were clustered.',
  },
]

/** Pressed is the preset whose fields the recipe has, whoever set them. */
export function Preset({ recipe, change }: { recipe: Recipe; change: (recipe: Recipe) => void }) {
  const { group = 0, share = 1, refine = 0, ...rest } = recipe
  const has = ({ fields }: (typeof PRESETS)[number]) =>
    group === 0 &&
    share === 1 &&
    refine === (fields.refine ?? 0) &&
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
