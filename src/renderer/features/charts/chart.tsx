import { useElementSize } from '@mantine/hooks'
import { useMemo, useState, type KeyboardEvent, type PointerEvent } from 'react'
import type { Size } from '../../../shared/charts/frame.ts'
import type { Scene } from '../../../shared/charts/scene.ts'
import type { Target } from '../../../shared/charts/target.ts'
import { Drawing } from './drawing.tsx'
import classes from './chart.module.css'

type Props<T> = {
  height: number
  draw: (size: Size) => { scene: Scene; targets: Target<T>[] }
  /** Of the target that is chosen now. */
  chosen?: string | undefined
  choose?: ((value: T) => void) | undefined
  /** Told of what is pointed at, and when nothing is any more. */
  pointed?: ((target: Target<T> | undefined) => void) | undefined
}

/** Nearer than this a point answers, pixels: a finger is no needle. */
const REACH_PX = 28

/**
 * A chart whose points answer: to the pointer the nearest one, to the keyboard one stop of the tab key with arrows along
 * the curve and across curves, and both choose. The drawing itself is a pure function of its size.
 */
export function Chart<T>({ height, draw, chosen, choose, pointed }: Props<T>) {
  const { ref, width } = useElementSize()
  const [activeId, setActive] = useState<string>()
  const { scene, targets } = useMemo(() => draw({ width: Math.max(320, width), height }), [draw, width, height])
  const active = targets.find(({ id }) => id === activeId)
  const entry = targets.find(({ id }) => id === chosen) ?? targets[0]
  const reachable = active ?? entry

  function point(target: Target<T> | undefined) {
    if (target?.id === activeId) return
    setActive(target?.id)
    pointed?.(target)
  }

  function nearest(event: PointerEvent<SVGSVGElement>): Target<T> | undefined {
    const box = event.currentTarget.getBoundingClientRect()
    const distance = ({ x, y }: Target<T>) => Math.hypot(x - event.clientX + box.left, y - event.clientY + box.top)
    const found = targets.reduce<Target<T> | undefined>(
      (best, target) => (best === undefined || distance(target) < distance(best) ? target : best),
      undefined,
    )
    return found && distance(found) <= REACH_PX ? found : undefined
  }

  function move(event: KeyboardEvent<SVGElement>, from: Target<T>) {
    if (event.key === 'Escape') return point(undefined)
    if (event.key === 'Enter' || event.key === ' ') {
      event.preventDefault()
      return choose?.(from.value)
    }
    if (!event.key.startsWith('Arrow')) return
    event.preventDefault()
    const next = neighbour(targets, from, event.key)
    if (next) document.getElementById(elementId(scene, next))?.focus()
  }

  return (
    <figure className={classes.chart} aria-label={scene.label} ref={ref} style={{ height }}>
      {width > 0 && (
        <svg
          width={scene.width}
          height={height}
          role="group"
          aria-label={scene.label}
          data-pointed={active !== undefined && choose !== undefined ? true : undefined}
          onPointerMove={(event) => point(nearest(event))}
          onPointerLeave={() => point(undefined)}
          onClick={() => active && choose?.(active.value)}
        >
          <rect width={scene.width} height={height} fill="transparent" />
          <Drawing scene={scene} />
          {targets.map((target) => (
            <circle
              key={target.id}
              id={elementId(scene, target)}
              className={classes.target}
              cx={target.x}
              cy={target.y}
              r={7.5}
              role={choose ? 'button' : 'img'}
              aria-label={[target.title, ...target.lines].join(', ')}
              aria-pressed={choose ? target.id === chosen : undefined}
              tabIndex={target === reachable ? 0 : -1}
              onFocus={() => point(target)}
              onBlur={() => point(undefined)}
              onKeyDown={(event) => move(event, target)}
            />
          ))}
        </svg>
      )}
      {active && <Card target={active} size={{ width: scene.width, height }} />}
    </figure>
  )
}

function Card<T>({ target: { x, y, title, lines }, size }: { target: Target<T>; size: Size }) {
  const left = x > size.width / 2
  const style = {
    ...(left ? { right: size.width - x + 14 } : { left: x + 14 }),
    ...(y > size.height / 2 ? { bottom: size.height - y - 10 } : { top: y - 10 }),
  }
  return (
    <div className={classes.card} style={style} aria-hidden="true">
      <strong>{title}</strong>
      {lines.map((each) => (
        <div key={each}>{each}</div>
      ))}
    </div>
  )
}

/** Along the series, or to the place in the next series that is nearest across. */
function neighbour<T>(targets: Target<T>[], from: Target<T>, key: string): Target<T> | undefined {
  const own = targets.filter(({ series }) => series === from.series)
  const step = key === 'ArrowLeft' || key === 'ArrowUp' ? -1 : 1
  const names = [...new Set(targets.map(({ series }) => series))]
  if (key === 'ArrowLeft' || key === 'ArrowRight' || names.length === 1) return own[own.indexOf(from) + step]
  const next = names[names.indexOf(from.series) + step]
  const across = targets.filter(({ series }) => series === next)
  return across.toSorted((a, b) => Math.abs(a.x - from.x) - Math.abs(b.x - from.x))[0]
}

function elementId<T>(scene: Scene, { id }: Target<T>): string {
  return `${scene.label} ${id}`.replaceAll(/[^\w]+/g, '-')
}
