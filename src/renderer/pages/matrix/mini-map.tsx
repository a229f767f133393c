import { useEffect, useRef, type KeyboardEvent } from 'react'
import type { MatrixSensitivity } from '../../../shared/contract/sidecar/calibration.ts'
import { logarithmic, scientific } from '../../features/matrices/scales.ts'
import { viridis } from '../../../shared/charts/viridis.ts'
import { neighbourOf, type Step } from './neighbours.ts'
import classes from './mini-map.module.css'

type Props = { matrices: MatrixSensitivity[]; matrix: MatrixSensitivity; walk: (tensor: string) => void }

const STEPS: Record<string, Step> = {
  ArrowLeft: 'previous-layer',
  ArrowRight: 'next-layer',
  ArrowUp: 'previous-role',
  ArrowDown: 'next-role',
}

/**
 * The heatmap again, small and lying on its side: where one is in the model, and the way to the neighbours. It has the
 * focus when the page opens, so that the arrows walk at once.
 */
export function MiniMap({ matrices, matrix, walk }: Props) {
  const cell = useRef<HTMLButtonElement>(null)
  useEffect(() => cell.current?.focus({ preventScroll: true }), [matrix.name])
  const layers = [...new Set(matrices.map(({ layer }) => layer))]
  const roles = [...new Set(matrices.map(({ role }) => role))]
  const scale = logarithmic(matrices.map(({ weighted }) => weighted))

  function press(event: KeyboardEvent) {
    const step = STEPS[event.key]
    if (!step) return
    event.preventDefault()
    const next = neighbourOf(matrices, matrix, step)
    if (next) walk(next.name)
  }

  return (
    <div role="grid" aria-label="Matrices, layers across" className={classes.map} onKeyDown={press}>
      {roles.map((role) => (
        <div key={role} role="row" className={classes.row}>
          <span role="rowheader" className={classes.role}>
            {role}
          </span>
          {layers.map((layer) => {
            const each = matrices.find((candidate) => candidate.layer === layer && candidate.role === role)
            if (!each) return <span key={layer} role="gridcell" className={classes.gap} />
            const here = each.name === matrix.name
            return (
              <button
                key={layer}
                ref={here ? cell : undefined}
                type="button"
                role="gridcell"
                className={classes.cell}
                style={{ background: viridis(scale(each.weighted)) }}
                aria-label={`Layer ${layer} ${role}: ${scientific(each.weighted)}`}
                aria-selected={here}
                tabIndex={here ? 0 : -1}
                title={`Layer ${layer} ${role}`}
                onClick={() => walk(each.name)}
              />
            )
          })}
        </div>
      ))}
    </div>
  )
}
