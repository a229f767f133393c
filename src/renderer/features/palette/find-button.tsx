import { UnstyledButton } from '@mantine/core'
import { showOverlay } from '../../stores/overlay.ts'
import { Caps } from './caps.tsx'
import classes from './find-button.module.css'

/** The way to the palette for those who do not know its keys yet. */
export function FindButton() {
  return (
    <UnstyledButton className={classes.button} aria-haspopup="dialog" onClick={() => showOverlay('palette')}>
      Commands
      <Caps keys="mod+K" />
    </UnstyledButton>
  )
}
