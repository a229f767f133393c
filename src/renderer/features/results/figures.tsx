import type { ReactNode } from 'react'
import classes from './figures.module.css'

export type Figure = { name: string; value: string; unit?: string; note?: ReactNode }

/** The few numbers that matter, large; beside each what it means. */
export function Figures({ figures }: { figures: Figure[] }) {
  return (
    <dl className={classes.figures}>
      {figures.map(({ name, value, unit, note }) => (
        <div key={name} className={classes.figure}>
          <dt className={classes.name}>{name}</dt>
          <dd className={classes.value}>
            {value}
            {unit && <span className={classes.unit}> {unit}</span>}
          </dd>
          {note && <dd className={classes.note}>{note}</dd>}
        </div>
      ))}
    </dl>
  )
}
