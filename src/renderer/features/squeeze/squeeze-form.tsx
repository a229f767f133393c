import { Button, NativeSelect, SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { DEFAULT_RECIPE } from '../../../shared/recipe/default-recipe.ts'
import { client } from '../../bridge/index.ts'
import { closeOverlay, showOverlay, useOverlay } from '../../stores/overlay.ts'
import { Dialog } from '../../ui/dialog.tsx'
import { Facts } from '../../ui/facts.tsx'
import { bits, percent, ratio, size } from '../../ui/units.ts'
import { Failure } from '../failure.tsx'
import { useAttempt } from '../use-attempt.ts'
import { Advanced } from './advanced.tsx'
import { Choice } from './choice.tsx'
import { estimate } from './estimate.ts'
import { Preset } from './preset.tsx'
import classes from '../../ui/form.module.css'

const METHODS: { value: string; label: string; change: Partial<Recipe>; words: string }[] = [
  {
    value: 'squeezellm',
    label: 'SqueezeLLM',
    change: DEFAULT_RECIPE,
    words: 'A codebook for each row, placed where the model is sensitive. Calibrates first where that is not done yet.',
  },
  {
    value: 'rtn',
    label: 'Round to nearest',
    change: { method: 'rtn', weighting: 'none', sparsity: 0, refine: undefined },
    words: 'Evenly spaced values, without calibration: fast, and what others are measured against.',
  },
]

const BITS = [2, 3, 4, 5, 6, 8]
const SPARSITIES = [0, 0.0005, 0.001, 0.0045, 0.01, 0.02, 0.05]

/** The button that begins the main job, and the recipe behind it. */
export function SqueezeButton({ project }: { project: Project }) {
  const opened = useOverlay(({ overlay }) => overlay === 'squeeze')
  return (
    <>
      <Button onClick={() => showOverlay('squeeze')} disabled={!project.checkpoint.found}>
        Squeeze…
      </Button>
      <Dialog opened={opened} close={closeOverlay} title="Squeeze the checkpoint">
        <SqueezeForm project={project} started={closeOverlay} />
      </Dialog>
    </>
  )
}

function SqueezeForm({ project, started }: { project: Project; started: () => void }) {
  const [recipe, setRecipe] = useState<Recipe>(DEFAULT_RECIPE)
  const { attempt, busy, error } = useAttempt()
  const change = (part: Partial<Recipe>) => setRecipe((known) => ({ ...known, ...part }))
  function changeMethod(value: string) {
    const { group: _g, share: _s, ...rest } = recipe
    setRecipe({ ...rest, ...METHODS.find((known) => known.value === value)?.change, bits: recipe.bits })
  }
  const method = METHODS.find(({ value }) => value === recipe.method)
  const { bitsPerWeight, sizeBytes } = estimate(project.checkpoint, recipe)

  async function start() {
    await client.call('squeeze.start', { projectId: project.id, recipe })
    started()
  }

  return (
    <form
      className={classes.form}
      onSubmit={(event) => {
        event.preventDefault()
        attempt(start)
      }}
    >
      <Choice label="Method">
        <SegmentedControl
          aria-label="Method"
          value={recipe.method}
          onChange={(value) => changeMethod(value)}
          data={METHODS.map(({ value, label }) => ({ value, label }))}
        />
        <p className={classes.words}>{method?.words}</p>
      </Choice>
      <Choice label="Bits of an index">
        <SegmentedControl
          aria-label="Bits of an index"
          value={String(recipe.bits)}
          onChange={(value) => change({ bits: Number(value) })}
          data={BITS.map(String)}
        />
      </Choice>
      {recipe.method === 'squeezellm' && <Preset recipe={recipe} change={setRecipe} />}
      {recipe.method === 'squeezellm' && (
        <div className={classes.narrowPair}>
          <NativeSelect
            label="Weights kept exactly"
            value={String(recipe.sparsity)}
            onChange={(event) => change({ sparsity: Number(event.currentTarget.value) })}
            data={SPARSITIES.map((value) => ({ value: String(value), label: value === 0 ? 'none' : percent(value) }))}
          />
          <NativeSelect
            label="Which of them"
            disabled={recipe.sparsity === 0}
            value={recipe.outliers}
            onChange={(event) => change({ outliers: event.currentTarget.value === 'paper' ? 'paper' : 'loss-aware' })}
            data={[
              { value: 'paper', label: "sensitive and large ones, the paper's rule" },
              { value: 'loss-aware', label: 'those that save most loss' },
            ]}
          />
        </div>
      )}
      <Advanced recipe={recipe} tied={project.checkpoint.tiedEmbeddings} change={setRecipe} />
      <Facts
        facts={[
          { name: 'Bits per weight', value: `about ${bits(bitsPerWeight)}` },
          {
            name: 'Size',
            value: `about ${size(sizeBytes)}, ${ratio(project.checkpoint.sizeBytes / sizeBytes)} smaller than now`,
          },
          { name: 'Then', value: 'perplexity before and after on the bundled held-out text' },
        ]}
      />
      {error && <Failure error={error} />}
      <Button type="submit" loading={busy} className={classes.submit}>
        Squeeze
      </Button>
    </form>
  )
}
