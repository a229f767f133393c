import { Checkbox, Slider, TextInput } from '@mantine/core'
import { memo, useState } from 'react'
import type { SweepChoices } from '../../../shared/contract/studio/index.ts'
import type { Prepared } from '../../../shared/sweep/allocate.ts'
import { matrixBytesOf, parseBudget } from '../../../shared/sweep/budget.ts'
import { BUDGET_STEP, budgetRange, budgetWithin } from '../../../shared/sweep/choices.ts'
import type { ErrorTable } from '../../../shared/sweep/error-table.ts'
import { keptNames } from '../../../shared/sweep/keep.ts'
import { KEPT_BITS } from '../../../shared/sweep/plan.ts'
import { changeSweepChoices } from '../../stores/sweep.ts'
import { size } from '../../ui/units.ts'
import { Labelled } from './choose-panel.tsx'
import classes from './sweep.module.css'

type Props = {
  table: ErrorTable
  choices: SweepChoices
  prepared: Prepared | undefined
  budget: number | undefined
}

/** How much there is, and what an allotment of it must hold to. */
export function BudgetControls({ table, choices, prepared, budget }: Props) {
  return (
    <>
      {prepared && budget !== undefined ? (
        <BudgetSlider table={table} prepared={prepared} budget={budget} />
      ) : (
        <p className={classes.note} role="status">
          No width is allowed, so there is nothing to allot. Allow one below.
        </p>
      )}
      <Limits bits={table.bits} allowedBits={choices.allowedBits} sameInLayer={choices.sameInLayer} />
      <Kept table={table} keep={choices.keep} />
    </>
  )
}

type LimitsProps = Pick<SweepChoices, 'allowedBits' | 'sameInLayer'> & { bits: number[] }

/** They stay as they are while the slider moves. */
const Limits = memo(function Limits({ bits, allowedBits, sameInLayer }: LimitsProps) {
  return (
    <>
      <Checkbox.Group
        label="Widths that may be used"
        value={allowedBits.map(String)}
        onChange={(values) => changeSweepChoices({ allowedBits: values.map(Number).sort((a, b) => a - b) })}
      >
        <div className={classes.widths}>
          {[...bits, KEPT_BITS].map((width) => (
            <Checkbox key={width} size="xs" value={String(width)} label={width} aria-label={`${width} bits`} />
          ))}
        </div>
      </Checkbox.Group>
      <Checkbox
        size="xs"
        label="The same in all of a layer"
        checked={sameInLayer}
        onChange={(event) => changeSweepChoices({ sameInLayer: event.currentTarget.checked })}
      />
    </>
  )
})

function BudgetSlider({ table, prepared, budget }: { table: ErrorTable; prepared: Prepared; budget: number }) {
  const [least, most] = budgetRange(prepared)
  const bytes = matrixBytesOf(table, { amount: budget, unit: 'bits per weight' }) + table.otherBytes
  return (
    <div>
      <Labelled label="Bits per weight, at most" value={`${budget.toFixed(2)}, ${size(bytes)} in all`}>
        <Slider
          thumbLabel="Bits per weight, at most"
          min={budgetWithin(prepared, least)}
          max={Math.max(budgetWithin(prepared, least) + BUDGET_STEP, budgetWithin(prepared, most))}
          step={BUDGET_STEP}
          value={budget}
          onChange={(value) => changeSweepChoices({ budgetBitsPerWeight: value })}
          label={null}
        />
      </Labelled>
      <TypedBudget table={table} prepared={prepared} />
    </div>
  )
}

/** For who knows a size and no bits: "fit in 3.5GB". */
const TypedBudget = memo(function TypedBudget({ table, prepared }: { table: ErrorTable; prepared: Prepared }) {
  const [text, setText] = useState('')
  const [error, setError] = useState<string>()
  const weights = table.matrices.reduce((sum, matrix) => sum + matrix.weights, 0)

  function take() {
    const found = parseBudget(text)
    if (!found) return setError('Bits per weight or a size, such as 3.25bpw, 40MB or 3.5GB')
    const asked = (8 * matrixBytesOf(table, found)) / weights
    const [least, most] = budgetRange(prepared)
    if (asked < least)
      return setError(
        `The least is ${least.toFixed(2)} bits per weight, ${size(table.otherBytes + prepared.smallestBytes)}`,
      )
    setError(undefined)
    setText('')
    // Down to a step, so that it fits.
    changeSweepChoices({ budgetBitsPerWeight: Math.floor(Math.min(asked, most) / BUDGET_STEP + 1e-6) * BUDGET_STEP })
  }

  return (
    <form
      className={classes.typed}
      onSubmit={(event) => {
        event.preventDefault()
        take()
      }}
    >
      <TextInput
        size="xs"
        aria-label="Budget as a size"
        placeholder="or type a size: 3.5GB, 3.25bpw"
        value={text}
        error={error}
        onChange={(event) => setText(event.currentTarget.value)}
      />
    </form>
  )
})

function Kept({ table, keep }: { table: ErrorTable; keep: readonly string[] }) {
  if (keep.length === 0)
    return <p className={classes.note}>Press a matrix, a kind or a layer below to keep it at 16 bits.</p>
  const count = keptNames(table, keep).size
  return (
    <p className={classes.note}>
      {count} of {table.matrices.length} matrices stay at 16 bits: {keep.map((pattern) => pattern).join(', ')}{' '}
      <button type="button" className={classes.link} onClick={() => changeSweepChoices({ keep: [] })}>
        Keep none
      </button>
    </p>
  )
}
