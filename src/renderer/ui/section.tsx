import type { ReactNode } from 'react'
import classes from './section.module.css'

type Props = {
  title: string
  /** One quiet line beside the title. */
  note?: ReactNode
  /** Controls at the right end of the title line. */
  actions?: ReactNode
  children: ReactNode
}

/** A titled part of a page. */
export function Section({ title, note, actions, children }: Props) {
  return (
    <section className={classes.section} aria-label={title}>
      <header className={classes.header}>
        <h2 className={classes.title}>{title}</h2>
        {note && <div className={classes.note}>{note}</div>}
        {actions && <div className={classes.actions}>{actions}</div>}
      </header>
      {children}
    </section>
  )
}

/** A plane on which data lies. */
export function Panel({ children, padded = false }: { children: ReactNode; padded?: boolean }) {
  return <div className={padded ? `${classes.panel} ${classes.padded}` : classes.panel}>{children}</div>
}
