import { Button, Checkbox } from '@mantine/core'
import { memo } from 'react'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { Project } from '../../../shared/contract/studio/index.ts'
import type { Outlook } from '../../../shared/sweep/outlook.ts'
import { REFINEMENT_STEPS, refinable } from '../../../shared/recipe/default-recipe.ts'
import { recipeKey } from '../../../shared/sweep/plan.ts'
import { Command } from '../../ui/command.tsx'
import { download } from '../../ui/download.ts'
import { useHandler } from '../../ui/use-handler.ts'
import { Failure } from '../failure.tsx'
import { useStart } from './use-start.ts'
import classes from './sweep.module.css'

type Props = {
  project: Project
  outlook: Outlook
  recipe: Recipe
  /** Whether a squeeze is to refine what the recipe has clustered. */
  refined: boolean
  setRefined: (refined: boolean) => void
  /** The line that squeezes so without a window. */
  command: string
}

type Act = 'squeeze' | 'measure' | 'save'

/** What can be done with the choice: measured, squeezed, taken away. */
export function Actions({ project, outlook, recipe, refined, setRefined, command }: Props) {
  const { measure, squeeze, busy, error } = useStart(project)
  const known = outlook.byKey.has(recipeKey(recipe))
  const canRefine = refinable(recipe)
  const wanted: Recipe = refined && canRefine ? { ...recipe, refine: REFINEMENT_STEPS } : recipe
  const act = useHandler((what: Act) => {
    if (what === 'squeeze') squeeze(wanted)
    else if (what === 'measure') measure([recipe])
    else {
      const text = `${JSON.stringify(wanted, null, 2)}\n`
      download(`${project.name}-recipe.json`, new Blob([text], { type: 'application/json' }))
    }
  })
  return (
    <div>
      {error && <Failure error={error} />}
      <Buttons known={known} blocked={busy || !project.checkpoint.found} act={act} />
      {canRefine && <Refine refined={refined} setRefined={setRefined} />}
      <div className={classes.command}>
        <Command line={command} />
      </div>
    </div>
  )
}

const Refine = memo(function Refine({ refined, setRefined }: Pick<Props, 'refined' | 'setRefined'>) {
  return (
    <Checkbox
      size="xs"
      mt="sm"
      label="Then refine the codebooks"
      description="No bits more; loses less than is predicted or measured here. Takes about as long as calibrating."
      checked={refined}
      onChange={(event) => setRefined(event.currentTarget.checked)}
    />
  )
})

type ButtonsProps = { known: boolean; blocked: boolean; act: (what: Act) => void }

/** The recipe changes with every step of a slider; these hardly ever. */
const Buttons = memo(function Buttons({ known, blocked, act }: ButtonsProps) {
  return (
    <div className={classes.actions}>
      <Button px="xs" disabled={blocked} onClick={() => act('squeeze')}>
        Squeeze by this
      </Button>
      <Button px="xs" variant="default" disabled={known || blocked} onClick={() => act('measure')}>
        {known ? 'Measured' : 'Measure this'}
      </Button>
      <Button px="xs" variant="default" onClick={() => act('save')}>
        Save recipe
      </Button>
    </div>
  )
})
