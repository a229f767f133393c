import { Button } from '@mantine/core'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { Project, SweepChoices } from '../../../shared/contract/studio/index.ts'
import type { Outlook } from '../../../shared/sweep/outlook.ts'
import { recipeKey } from '../../../shared/sweep/plan.ts'
import { Command } from '../../ui/command.tsx'
import { download } from '../../ui/download.ts'
import { Failure } from '../failure.tsx'
import { commandOf } from './command-of.ts'
import { useStart } from './use-start.ts'
import classes from './sweep.module.css'

type Props = {
  project: Project
  outlook: Outlook
  recipe: Recipe
  choices: SweepChoices
  budget: number | undefined
}

/** What can be done with the choice: measured, squeezed, taken away. */
export function Actions({ project, outlook, recipe, choices, budget }: Props) {
  const { measure, squeeze, busy, error } = useStart(project)
  const known = outlook.byKey.has(recipeKey(recipe))
  const gone = !project.checkpoint.found
  return (
    <div>
      {error && <Failure error={error} />}
      <div className={classes.actions}>
        <Button px="sm" disabled={busy || gone} onClick={() => squeeze(recipe)}>
          Squeeze by this
        </Button>
        <Button px="sm" variant="default" disabled={known || busy || gone} onClick={() => measure([recipe])}>
          {known ? 'Measured' : 'Measure this'}
        </Button>
        <Button
          px="sm"
          variant="default"
          onClick={() =>
            download(
              `${project.name}-recipe.json`,
              new Blob([`${JSON.stringify(recipe, null, 2)}\n`], { type: 'application/json' }),
            )
          }
        >
          Save recipe
        </Button>
      </div>
      <div className={classes.command}>
        <Command line={commandOf(project.checkpoint.path, choices, budget, outlook.table.bits)} />
      </div>
    </div>
  )
}
