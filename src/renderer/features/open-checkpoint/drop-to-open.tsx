import { CloseButton } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import { Failure } from '../failure.tsx'
import { Message } from '../../ui/message.tsx'
import { openPath } from './open-project.ts'
import classes from './drop-to-open.module.css'

type Outcome = 'nowhere' | ErrorInfo

/** What is dropped anywhere on the window is opened. A browser does not say where a file lies, so there it is told. */
export function DropToOpen() {
  const [outcome, setOutcome] = useState<Outcome>()
  const hovering = useFileDrop((file) => {
    const path = window.squeezeStudio?.pathOf(file)
    if (!path) return setOutcome('nowhere')
    setOutcome(undefined)
    void openPath(path).then(setOutcome)
  })
  return (
    <>
      {hovering && (
        <div className={classes.overlay}>
          <div className={classes.words}>
            {window.squeezeStudio ? 'Drop the checkpoint to open it' : 'A browser cannot open what is dropped here'}
          </div>
        </div>
      )}
      {outcome && (
        <div className={classes.outcome}>
          {outcome === 'nowhere' ? (
            <Message title="Nobody can tell where that lies" tone="warn">
              A browser does not say where a dropped file is. Use “Open a checkpoint” instead.
            </Message>
          ) : (
            <Failure error={outcome} />
          )}
          <CloseButton className={classes.close} aria-label="Close message" onClick={() => setOutcome(undefined)} />
        </div>
      )}
    </>
  )
}

/** Whether files are held over the window; tells the first that is let go. */
function useFileDrop(dropped: (file: File) => void): boolean {
  const [hovering, setHovering] = useState(false)
  useEffect(() => {
    const over = (event: DragEvent) => {
      if (!event.dataTransfer?.types.includes('Files')) return
      event.preventDefault()
      setHovering(true)
    }
    const leave = (event: DragEvent) => {
      // Between two elements of the page there is another to go to.
      if (event.relatedTarget === null) setHovering(false)
    }
    const drop = (event: DragEvent) => {
      const file = event.dataTransfer?.files[0]
      setHovering(false)
      if (!file) return
      event.preventDefault()
      dropped(file)
    }
    window.addEventListener('dragover', over)
    window.addEventListener('dragleave', leave)
    window.addEventListener('drop', drop)
    return () => {
      window.removeEventListener('dragover', over)
      window.removeEventListener('dragleave', leave)
      window.removeEventListener('drop', drop)
    }
  })
  return hovering
}
