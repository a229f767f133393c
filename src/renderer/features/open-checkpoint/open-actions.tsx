import { Button } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useState } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import { Failure } from '../failure.tsx'
import { OpenDialog } from './open-dialog.tsx'
import { openSample } from './open-project.ts'
import classes from './open-actions.module.css'

/** The two ways to begin without a terminal: a checkpoint of one's own, or the one that comes with the studio. */
export function OpenActions({ size }: { size: 'xs' | 'sm' }) {
  const [opened, { open, close }] = useDisclosure(false)
  const [error, setError] = useState<ErrorInfo>()
  const [opening, setOpening] = useState(false)

  async function trySample() {
    setOpening(true)
    setError(await openSample())
    setOpening(false)
  }

  return (
    <>
      <div className={classes.actions}>
        <Button size={size} variant="default" loading={opening} onClick={() => void trySample()}>
          Try the sample
        </Button>
        <Button size={size} onClick={open}>
          Open a checkpoint
        </Button>
      </div>
      {error && <Failure error={error} />}
      <OpenDialog opened={opened} close={close} />
    </>
  )
}
