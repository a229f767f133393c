import { VisuallyHidden } from '@mantine/core'
import type { KeyboardEvent } from 'react'
import { inkOn } from '../../../shared/charts/viridis.ts'
import { allotmentScene, bitsColour, choiceWords } from '../../../shared/sweep/allotment-map.ts'
import type { ErrorTable } from '../../../shared/sweep/error-table.ts'
import { isIn, keptNames, toggleKept, type Part } from '../../../shared/sweep/keep.ts'
import { KEPT_BITS, type Choice } from '../../../shared/sweep/plan.ts'
import { allotmentRecords } from '../../../shared/sweep/records.ts'
import { changeSweepChoices } from '../../stores/sweep.ts'
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
export function Allotment({ projectName, table, keep, allotted, about }: Props) {
  const roles = [...new Set(table.matrices.map(({ role }) => role))]
  const layers = [...new Set(table.matrices.map(({ layer }) => layer))]
  const places = new Map(table.matrices.map(({ layer, role }, index) => [`${layer} ${role}`, index]))
  const kept = keptNames(table, keep)
  const toggle = (part: Part) => changeSweepChoices({ keep: toggleKept(table, keep, part) })
  const wholly = (part: Part) => table.matrices.every((matrix) => !isIn(part, matrix) || kept.has(matrix.name))

  function move(event: KeyboardEvent<HTMLElement>) {
    const [down, right] = NEXT[event.key] ?? [0, 0]
    const cell = event.currentTarget.closest('th, td')
    const row = cell?.parentElement
    if ((down === 0 && right === 0) || !(cell instanceof HTMLTableCellElement) || !row) return
    event.preventDefault()
    const rows = [...(row.closest('table')?.rows ?? [])]
    const next = rows[rows.indexOf(row as HTMLTableRowElement) + down]?.cells[cell.cellIndex + right]
    next?.querySelector('button')?.focus()
  }

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
                    onClick={() => toggle({ role })}
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
                    onClick={() => toggle({ layer })}
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
                  const bits = choice?.bits ?? KEPT_BITS
                  const colour = bitsColour(table, bits)
                  const words = choice ? `${choiceWords(choice)} bits` : 'nothing allotted'
                  return (
                    <td key={role}>
                      <button
                        type="button"
                        className={classes.cell}
                        style={{ background: colour, color: inkOn(colour) }}
                        aria-pressed={kept.has(matrix.name)}
                        title={`${matrix.name}\n${words}`}
                        tabIndex={-1}
                        onClick={() => toggle({ name: matrix.name })}
                        onKeyDown={move}
                      >
                        <VisuallyHidden>{`Layer ${layer} ${role}, `}</VisuallyHidden>
                        {choice?.bits ?? '–'}
                        {choice !== undefined && choice.sparsity > 0 && (
                          <small>{percent(choice.sparsity).replace(/\s/, '')}</small>
                        )}
                        <VisuallyHidden> bits, to be kept at 16</VisuallyHidden>
                      </button>
                    </td>
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
}
