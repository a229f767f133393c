import { Button } from '@mantine/core'
import { useState } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import { refusalInfo } from '../../bridge/index.ts'
import { Failure } from '../failure.tsx'
import { openSample } from './open.ts'
import classes from './sample-button.module.css'

/** For who has no checkpoint at hand. */
export function SampleButton() {
  const [opening, setOpening] = useState(false)
  const [error, setError] = useState<ErrorInfo>()

  async function open() {
    setOpening(true)
    setError(undefined)
    try {
      await openSample()
    } catch (refused) {
      setError(refusalInfo(refused))
    } finally {
      setOpening(false)
    }
  }

  return (
    <div className={classes.sample}>
      <div className={classes.line}>
        <Button variant="light" loading={opening} onClick={() => void open()}>
          Open the sample
        </Button>
        <span className="unit">a small Llama that comes with the studio and is squeezed in a minute or two</span>
      </div>
      {error && <Failure error={error} />}
    </div>
  )
}
