import { NativeSelect, SegmentedControl, Slider } from '@mantine/core'
import { memo, useMemo, useState, type ReactNode } from 'react'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { Project, SweepChoices } from '../../../shared/contract/studio/index.ts'
import type { Prepared } from '../../../shared/sweep/allocate.ts'
import { choicesOf, type Allotted } from '../../../shared/sweep/choices.ts'
import type { Forecast, Outlook } from '../../../shared/sweep/outlook.ts'
import { changeSweepChoices } from '../../stores/sweep.ts'
import { Panel, Section } from '../../ui/section.tsx'
import { shellQuoted } from '../../ui/shell-quoted.ts'
import { percent } from '../../ui/units.ts'
import { useFrameLater } from '../../ui/use-frame-later.ts'
import { Actions } from './actions.tsx'
import { Allotment } from './allotment.tsx'
import { Answer } from './answer.tsx'
import { commandOf } from './command-of.ts'
import { BudgetControls } from './budget-controls.tsx'
import classes from './sweep.module.css'

type Props = {
  project: Project
  outlook: Outlook
  choices: SweepChoices
  /** Undefined where no width is allowed. */
  prepared: Prepared | undefined
  budget: number | undefined
  /** Undefined where a point was picked, or nothing can be allotted. */
  allotted: Allotted | undefined
  recipe: Recipe | undefined
  forecast: Forecast | undefined
}

/** Where bits and sparsity are chosen, what that gives, and what can be done with it. */
export function ChoosePanel({ project, outlook, choices, prepared, budget, allotted, recipe, forecast }: Props) {
  const { table } = outlook
  const budgeted = choices.mode === 'budget'
  const [refined, setRefined] = useState(true)
  // Hundreds of cells, which the slider, the figures and the charts do not wait for.
  const late = useFrameLater(recipe)
  const lateBudget = useFrameLater(budget)
  const allotment = useMemo(() => late && choicesOf(table, late), [table, late])
  return (
    <Section title="Choose">
      <Panel padded>
        <div className={classes.controls}>
          <Mode mode={choices.mode} />
          {budgeted ? (
            <BudgetControls table={table} choices={choices} prepared={prepared} budget={budget} />
          ) : (
            <AlikeControls outlook={outlook} choices={choices} />
          )}
          {recipe && <Answer outlook={outlook} recipe={recipe} forecast={forecast} />}
          {budgeted && allotted && (
            <p className={classes.note}>
              At most {percent(allotted.aboveBound)} above the least error that any allotment of this size can have.
            </p>
          )}
          {recipe && (
            <Actions
              project={project}
              outlook={outlook}
              recipe={recipe}
              refined={refined}
              setRefined={setRefined}
              command={
                budgeted && !allotted
                  ? `squeeze quantize ${shellQuoted(project.checkpoint.path)} --recipe recipe.json`
                  : commandOf(project.checkpoint.path, choices, budget, table.bits, refined)
              }
            />
          )}
          {budgeted && (
            <Allotment
              projectName={project.name}
              table={table}
              keep={choices.keep}
              allotted={allotment}
              about={`${lateBudget?.toFixed(2)} bits per weight`}
            />
          )}
        </div>
      </Panel>
    </Section>
  )
}

const Mode = memo(function Mode({ mode }: Pick<SweepChoices, 'mode'>) {
  return (
    <SegmentedControl
      fullWidth
      aria-label="How widths are chosen"
      value={mode}
      onChange={(value) => changeSweepChoices({ mode: value === 'budget' ? 'budget' : 'alike' })}
      data={[
        { value: 'alike', label: 'All alike' },
        { value: 'budget', label: 'Within a budget' },
      ]}
    />
  )
})

function AlikeControls({ outlook, choices }: { outlook: Outlook; choices: SweepChoices }) {
  const { bits, sparsities } = outlook.table
  const known = sparsities.includes(choices.sparsity)
    ? sparsities
    : [...sparsities, choices.sparsity].sort((a, b) => a - b)
  return (
    <>
      <Labelled label="Bits of an index" value={String(choices.bits)}>
        <Slider
          thumbLabel="Bits of an index"
          min={Math.min(...bits)}
          max={Math.max(...bits)}
          step={1}
          value={choices.bits}
          onChange={(value) => changeSweepChoices({ bits: value })}
          label={null}
        />
      </Labelled>
      <NativeSelect
        label="Weights kept exactly"
        value={String(choices.sparsity)}
        onChange={(event) => changeSweepChoices({ sparsity: Number(event.currentTarget.value) })}
        data={known.map((each) => ({ value: String(each), label: each === 0 ? 'none' : percent(each) }))}
      />
    </>
  )
}

export function Labelled({ label, value, children }: { label: string; value: ReactNode; children: ReactNode }) {
  return (
    <div>
      <div className={classes.label}>
        <span>{label}</span>
        <strong className="figures">{value}</strong>
      </div>
      {children}
    </div>
  )
}
