import type { KeyboardEvent } from 'react'
import { VIRIDIS_GRADIENT, viridis } from '../../../shared/charts/viridis.ts'
import { scientific } from './scales.ts'
import classes from './heatmap.module.css'

/** Where a matrix is in the model. */
export type Place = { name: string; layer: number; role: string }

type Props<M extends Place> = {
  matrices: M[]
  measure: { name: string; of: (matrix: M) => number }
  /** A value in words; a sensitivity spans many powers of ten. */
  words?: (value: number) => string
  /** 0..1 of a value, for its colour. */
  scale: (value: number) => number
  colour?: (share: number) => string
  chosen: string | undefined
  choose: (name: string) => void
  /** What a click or Enter does, where a matrix has more to show; pointing at a cell chooses it then. */
  open?: ((name: string) => void) | undefined
  /** True where the chosen cell takes the focus when the map comes into sight. */
  focusChosen?: boolean
}

const NEXT: Record<string, [number, number]> = {
  ArrowUp: [-1, 0],
  ArrowDown: [1, 0],
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
}

/**
 * Layers by matrices, one cell each. A grid of the keyboard: one stop of the tab key, arrows move within, and where one
 * is, is chosen.
 */
export function Heatmap<M extends Place>({
  matrices,
  measure,
  words = scientific,
  scale,
  colour = viridis,
  chosen,
  choose,
  open,
  focusChosen = false,
}: Props<M>) {
  const roles = [...new Set(matrices.map(({ role }) => role))]
  const layers = [...new Set(matrices.map(({ layer }) => layer))]
  const at = new Map(matrices.map((matrix) => [`${matrix.layer} ${matrix.role}`, matrix]))
  const cellAt = (row: number, column: number) => at.get(`${layers[row]} ${roles[column]}`)
  const [entry] = matrices
  const reachable = chosen ?? entry?.name

  function move(event: KeyboardEvent<HTMLElement>, row: number, column: number) {
    const [down, right] = NEXT[event.key] ?? [0, 0]
    if (down === 0 && right === 0) return
    event.preventDefault()
    const next = cellAt(row + down, column + right)
    if (!next) return
    choose(next.name)
    document.getElementById(cellId(next))?.focus()
  }

  return (
    <div
      role="grid"
      aria-label={`${measure.name} of each matrix`}
      className={classes.grid}
      style={{ gridTemplateColumns: `auto repeat(${roles.length}, minmax(3rem, 1fr))` }}
    >
      <div role="row" className={classes.row}>
        <span role="columnheader" className={classes.corner}>
          Layer
        </span>
        {roles.map((role) => (
          <span key={role} role="columnheader" className={classes.head}>
            {role}
          </span>
        ))}
      </div>
      {layers.map((layer, row) => (
        <div key={layer} role="row" className={classes.row}>
          <span role="rowheader" className={classes.layer}>
            {layer}
          </span>
          {roles.map((role, column) => {
            const matrix = cellAt(row, column)
            if (!matrix) return <span key={role} role="gridcell" />
            const value = measure.of(matrix)
            return (
              <button
                key={role}
                id={cellId(matrix)}
                type="button"
                role="gridcell"
                className={classes.cell}
                style={{ background: colour(scale(value)) }}
                aria-label={`Layer ${layer} ${role}: ${words(value)}`}
                aria-selected={matrix.name === chosen}
                tabIndex={matrix.name === reachable ? 0 : -1}
                autoFocus={focusChosen && matrix.name === chosen}
                title={`Layer ${layer} ${role}\n${measure.name} ${words(value)}`}
                onClick={() => (open ?? choose)(matrix.name)}
                onPointerEnter={open && (() => choose(matrix.name))}
                onKeyDown={(event) => move(event, row, column)}
              />
            )
          })}
        </div>
      ))}
    </div>
  )
}

function cellId({ layer, role }: Place): string {
  return `matrix-${layer}-${role}`
}

type LegendProps = { low: string; high: string; note: string; gradient?: string }

/** What the colours mean. */
export function Legend({ low, high, note, gradient = VIRIDIS_GRADIENT }: LegendProps) {
  return (
    <div className={classes.legend}>
      <span>{low}</span>
      <span className={classes.gradient} style={{ background: gradient }} aria-hidden="true" />
      <span>{high}</span>
      <span className="unit">{note}</span>
    </div>
  )
}
