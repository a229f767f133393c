import type { ReactNode } from 'react'
import classes from '../../ui/form.module.css'

/** A named choice that is no field of its own kind, such as a segmented control with words below it. */
export function Choice({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div>
      <div className={classes.label}>{label}</div>
      {children}
    </div>
  )
}
