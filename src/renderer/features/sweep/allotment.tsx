import { memo, type KeyboardEvent } from 'react'
import { inkOn } from '../../../shared/charts/viridis.ts'
import { allotmentScene, bitsColour, choiceWords } from '../../../shared/sweep/allotment-map.ts'
import type { ErrorTable } from '../../../shared/sweep/error-table.ts'
import { isIn, keptNames, toggleKept, type Part } from '../../../shared/sweep/keep.ts'
import { KEPT_BITS, type Choice } from '../../../shared/sweep/plan.ts'
import { allotmentRecords } from '../../../shared/sweep/records.ts'
import { changeSweepChoices, useSweepChoices } from '../../stores/sweep.ts'
import { percent } from '../../ui/units.ts'
import { SaveMenu } from '../export/save-menu.tsx'
import classes from './allotment.module.css'

type Props = {
  projectName: string
  table: ErrorTable
  keep: readonly string[]
  /** Undefined while nothing can be allotted. */
  allotted: Choice[] | undefined
  about: string
}

const NEXT: Record<string, [down: number, right: number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
}

/**
 * What each matrix gets as a map, layers down and kinds across. A cell, or the head of a row or column, keeps what it
 * stands for at 16 bits. One stop of the tab key, arrows move within.
 */
export const Allotment = memo(function Allotment({ projectName, table, keep, allotted, about }: Props) {
  const roles = [...new Set(table.matrices.map(({ role }) => role))]
  const layers = [...new Set(table.matrices.map(({ layer }) => layer))]
  const places = new Map(table.matrices.map(({ layer, role }, index) => [`${layer} ${role}`, index]))
  const kept = keptNames(table, keep)
  const wholly = (part: Part) => table.matrices.every((matrix) => !isIn(part, matrix) || kept.has(matrix.name))

  return (
    <div>
      <div className={classes.head}>
        <h3 className={classes.title}>Bits of each matrix</h3>
        <SaveMenu
          what="allotment"
          name={`${projectName}-allotment`}
          picture={() => allotmentScene(table, allotted ?? [], about)}
          records={() => allotmentRecords(table, allotted ?? [])}
        />
      </div>
      <div className={classes.scroll}>
        <table className={classes.table} aria-label="Bits of each matrix">
          <thead>
            <tr>
              <td />
              {roles.map((role, column) => (
                <th key={role} scope="col">
                  <button
                    type="button"
                    aria-pressed={wholly({ role })}
                    aria-label={`Keep ${role} of all layers at 16 bits`}
                    tabIndex={column === 0 ? 0 : -1}
                    onClick={() => toggle(table, { role })}
                    onKeyDown={move}
                  >
                    {role}
                  </button>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {layers.map((layer) => (
              <tr key={layer}>
                <th scope="row">
                  <button
                    type="button"
                    aria-pressed={wholly({ layer })}
                    aria-label={`Keep layer ${layer} at 16 bits`}
                    tabIndex={-1}
                    onClick={() => toggle(table, { layer })}
                    onKeyDown={move}
                  >
                    {layer}
                  </button>
                </th>
                {roles.map((role) => {
                  const index = places.get(`${layer} ${role}`)
                  const matrix = index === undefined ? undefined : table.matrices[index]
                  const choice = index === undefined ? undefined : allotted?.[index]
                  if (!matrix) return <td key={role} />
                  return (
                    <Cell
                      key={role}
                      table={table}
                      matrix={matrix}
                      bits={choice?.bits}
                      sparsity={choice?.sparsity ?? 0}
                      kept={kept.has(matrix.name)}
                    />
                  )
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <p className={classes.caption}>
        Large: bits of an index, dark for few. Small: share kept exactly. Outlined: kept at 16 bits as asked.
      </p>
    </div>
  )
})

type CellProps = {
  table: ErrorTable
  matrix: ErrorTable['matrices'][number]
  /** Undefined while nothing can be allotted. */
  bits: number | undefined
  sparsity: number
  kept: boolean
}

/** A step of a slider changes few of some hundreds, so each is drawn anew only where it changed. */
const Cell = memo(function Cell({ table, matrix, bits, sparsity, kept }: CellProps) {
  const colour = bitsColour(table, bits ?? KEPT_BITS)
  const share = sparsity > 0 ? percent(sparsity).replace(/\s/, '') : ''
  const words = bits === undefined ? 'nothing allotted' : `${choiceWords({ bits, sparsity })} bits`
  return (
    <td>
      <button
        type="button"
        className={classes.cell}
        style={{ background: colour, color: inkOn(colour) }}
        aria-pressed={kept}
        aria-label={`Layer ${matrix.layer} ${matrix.role}, ${[bits ?? '–', share].filter(Boolean).join(' ')} bits, to be kept at 16`}
        title={`${matrix.name}\n${words}`}
        tabIndex={-1}
        onClick={() => toggle(table, { name: matrix.name })}
        onKeyDown={move}
      >
        {bits ?? '–'}
        {share && <small> {share}</small>}
      </button>
    </td>
  )
})

function toggle(table: ErrorTable, part: Part): void {
  const { choices } = useSweepChoices.getState()
  changeSweepChoices({ keep: toggleKept(table, choices.keep, part) })
}

/** Arrows move from cell to cell. */
function move(event: KeyboardEvent<HTMLElement>): void {
  const [down, right] = NEXT[event.key] ?? [0, 0]
  const cell = event.currentTarget.closest('th, td')
  const row = cell?.parentElement
  if ((down === 0 && right === 0) || !(cell instanceof HTMLTableCellElement) || !row) return
  event.preventDefault()
  const rows = [...(row.closest('table')?.rows ?? [])]
  const next = rows[rows.indexOf(row as HTMLTableRowElement) + down]?.cells[cell.cellIndex + right]
  next?.querySelector('button')?.focus()
}
