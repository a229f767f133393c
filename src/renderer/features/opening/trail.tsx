import { UnstyledButton } from '@mantine/core'
import type { FolderListing } from '../../../shared/contract/studio/index.ts'
import classes from './trail.module.css'

type Props = {
  trail: FolderListing['trail']
  /** Without a path: to the places. */
  go: (path?: string) => void
}

/** Where one is, each step of it a way back. */
export function Trail({ trail, go }: Props) {
  const steps = [{ name: 'This machine', path: undefined }, ...trail]
  return (
    <nav aria-label="Folder">
      <ol className={classes.trail}>
        {steps.map(({ name, path }, index) => (
          <li key={path ?? ''}>
            {index === steps.length - 1 ? (
              <span aria-current="location" className={classes.here}>
                {name}
              </span>
            ) : (
              <UnstyledButton className={classes.step} onClick={() => go(path)}>
                {name}
              </UnstyledButton>
            )}
          </li>
        ))}
      </ol>
    </nav>
  )
}
