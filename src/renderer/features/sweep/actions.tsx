import { Button } from '@mantine/core'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { Project } from '../../../shared/contract/studio/index.ts'
import type { Outlook } from '../../../shared/sweep/outlook.ts'
import { recipeKey } from '../../../shared/sweep/plan.ts'
import { Command } from '../../ui/command.tsx'
import { download } from '../../ui/download.ts'
import { Failure } from '../failure.tsx'
import { useStart } from './use-start.ts'
import classes from './sweep.module.css'

type Props = {
  project: Project
  outlook: Outlook
  recipe: Recipe
  /** The line that does the same without a window. */
  command: string
}

/** What can be done with the choice: measured, squeezed, taken away. */
export function Actions({ project, outlook, recipe, command }: Props) {
  const { measure, squeeze, busy, error } = useStart(project)
  const known = outlook.byKey.has(recipeKey(recipe))
  const gone = !project.checkpoint.found
  return (
    <div>
      {error && <Failure error={error} />}
      <div className={classes.actions}>
        <Button px="xs" disabled={busy || gone} onClick={() => squeeze(recipe)}>
          Squeeze by this
        </Button>
        <Button px="xs" variant="default" disabled={known || busy || gone} onClick={() => measure([recipe])}>
          {known ? 'Measured' : 'Measure this'}
        </Button>
        <Button
          px="xs"
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
        <Command line={command} />
      </div>
    </div>
  )
}
