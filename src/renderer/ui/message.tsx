import type { ReactNode } from 'react'
import classes from './message.module.css'

type Props = {
  title: string
  children?: ReactNode
  tone?: 'calm' | 'bad' | 'warn'
  icon?: ReactNode
  actions?: ReactNode
}

/** A state of a place that has nothing else to show, or a notice above what it shows. */
export function Message({ title, children, tone = 'calm', icon, actions }: Props) {
  return (
    <div className={classes.message} data-tone={tone} role={tone === 'calm' ? undefined : 'alert'}>
      {icon && <div className={classes.icon}>{icon}</div>}
      <div className={classes.words}>
        <div className={classes.title}>{title}</div>
        {children && <div className={classes.text}>{children}</div>}
        {actions && <div className={classes.actions}>{actions}</div>}
      </div>
    </div>
  )
}
