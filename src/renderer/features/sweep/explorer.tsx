import { useCallback, useMemo, useState } from 'react'
import type { Project, SweepChoices, SweepState } from '../../../shared/contract/studio/index.ts'
import { allocationFront } from '../../../shared/sweep/allocate.ts'
import { allotWithin, budgetWithin, preparedFor } from '../../../shared/sweep/choices.ts'
import { BASE, forecast, isUniform, type Outlook } from '../../../shared/sweep/outlook.ts'
import { recipeKey } from '../../../shared/sweep/plan.ts'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import { changeSweepChoices, useSweepChoices } from '../../stores/sweep.ts'
import { ChoosePanel } from './choose-panel.tsx'
import { FrontPanel } from './front-panel.tsx'
import { MeasuredPanel } from './measured-panel.tsx'
import { SparsityPanel } from './sparsity-panel.tsx'
import classes from './sweep.module.css'

type Props = { project: Project; state: SweepState; outlook: Outlook }

/** The charts of a sweep, and the choice that they, the sliders and the keyboard change together. */
export function Explorer({ project, state, outlook }: Props) {
  const choices = useSweepChoices((store) => store.choices)
  const { mode, allowedBits, keep, sameInLayer, bits, sparsity, axis } = choices
  const prepared = useMemo(
    () => preparedFor(outlook.table, { ...choices, allowedBits, keep, sameInLayer }),
    // The rest of the choices changes with every step of a slider.
    // eslint-disable-next-line react-hooks/exhaustive-deps
    [outlook.table, allowedBits, keep, sameInLayer],
  )
  const reach = useMemo(() => (prepared ? allocationFront(prepared) : []), [prepared])
  const budget = prepared && budgetWithin(prepared, choices.budgetBitsPerWeight)
  const allotted = useMemo(
    () => (prepared && budget !== undefined && mode === 'budget' ? allotWithin(prepared, budget) : undefined),
    [prepared, budget, mode],
  )
  const [pick, setPick] = useState<{ recipe: Recipe; choices: SweepChoices }>()
  // A point that was pressed counts itself, whatever a slider near it would give, until anything else is chosen.
  const picked = pick?.choices === choices ? pick.recipe : undefined
  const recipe = useMemo<Recipe | undefined>(
    () => picked ?? (mode === 'budget' ? allotted?.recipe : { ...BASE, bits, sparsity }),
    [picked, mode, allotted, bits, sparsity],
  )
  const chosen = useMemo(() => {
    const found = recipe && forecast(outlook, recipe)
    return recipe && found && { recipe, forecast: found }
  }, [outlook, recipe])

  const choose = useCallback(
    (chosenRecipe: Recipe) => {
      const point = outlook.byKey.get(recipeKey(chosenRecipe))
      if (isUniform(chosenRecipe))
        changeSweepChoices({ mode: 'alike', bits: chosenRecipe.bits, sparsity: chosenRecipe.sparsity })
      // What was allotted lies just below its budget.
      else changeSweepChoices({ mode: 'budget', ...(point ? { budgetBitsPerWeight: point.bitsPerWeight } : {}) })
      setPick({ recipe: chosenRecipe, choices: useSweepChoices.getState().choices })
    },
    [outlook],
  )

  return (
    <div className={classes.columns}>
      <div className={classes.charts}>
        <SparsityPanel {...{ project, state, outlook, mode, bits, sparsity, axis, choose }} />
        <FrontPanel
          project={project}
          outlook={outlook}
          upright={axis}
          reach={reach}
          chosen={chosen}
          budget={mode === 'budget' ? budget : undefined}
          choose={choose}
        />
        <MeasuredPanel project={project} state={state} outlook={outlook} chosen={recipe} choose={choose} />
      </div>
      <ChoosePanel
        project={project}
        outlook={outlook}
        choices={choices}
        prepared={prepared}
        budget={budget}
        allotted={picked ? undefined : allotted}
        recipe={recipe}
        forecast={chosen?.forecast}
      />
    </div>
  )
}
