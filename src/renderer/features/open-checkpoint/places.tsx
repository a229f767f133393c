import { UnstyledButton } from '@mantine/core'
import { Fragment } from 'react'
import type { Folder } from '../../../shared/contract/studio/index.ts'
import classes from './open-dialog.module.css'

/** Where looking may begin. */
export function Places({
  roots,
  current,
  look,
}: {
  roots: Folder['roots']
  current: string | undefined
  look: (path: string) => void
}) {
  return (
    <nav className={classes.places} aria-label="Places">
      {roots.map(({ name, path }) => (
        <UnstyledButton
          key={path}
          className={classes.place}
          title={path}
          aria-current={path === current ? 'location' : undefined}
          onClick={() => look(path)}
        >
          {name}
        </UnstyledButton>
      ))}
    </nav>
  )
}

/** The way from the place to the folder; each step leads back to itself. */
export function Crumbs({ crumbs, look }: { crumbs: Folder['crumbs']; look: (path: string) => void }) {
  return (
    <nav className={classes.crumbs} aria-label="Folder">
      {crumbs.map(({ name, path }, index) => (
        <Fragment key={path}>
          {index > 0 && <span aria-hidden="true">/</span>}
          <UnstyledButton
            className={classes.crumb}
            aria-current={index === crumbs.length - 1 ? 'location' : undefined}
            onClick={() => look(path)}
          >
            {name}
          </UnstyledButton>
        </Fragment>
      ))}
    </nav>
  )
}
