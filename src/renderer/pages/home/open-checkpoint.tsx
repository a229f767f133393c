import { Button, TextInput } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import { refusalInfo } from '../../bridge/index.ts'
import { Failure } from '../../features/failure.tsx'
import { openCheckpoint } from '../../features/opening/open.ts'
import { browse } from '../../stores/folder-dialog.ts'
import { closeOverlay, useOverlay } from '../../stores/overlay.ts'
import classes from './open-checkpoint.module.css'

/** Opens a checkpoint of the machine where the studio runs, found in its folders or named by its path. */
export function OpenCheckpoint() {
  const [path, setPath] = useState('')
  const [opening, setOpening] = useState(false)
  const [error, setError] = useState<ErrorInfo>()
  const field = useRef<HTMLInputElement>(null)
  const wanted = useOverlay(({ overlay }) => overlay === 'open')

  useEffect(() => {
    if (!wanted) return
    field.current?.focus()
    closeOverlay()
  }, [wanted])

  async function open() {
    setOpening(true)
    setError(undefined)
    try {
      await openCheckpoint(path.trim())
    } catch (refused) {
      setError(refusalInfo(refused))
    } finally {
      setOpening(false)
    }
  }

  return (
    <div className={classes.open}>
      <form
        className={classes.form}
        onSubmit={(event) => {
          event.preventDefault()
          void open()
        }}
      >
        <TextInput
          ref={field}
          className={classes.path}
          aria-label="Folder of a checkpoint"
          placeholder="/path/to/a/checkpoint"
          required
          maxLength={4096}
          spellCheck={false}
          value={path}
          onChange={(event) => setPath(event.currentTarget.value)}
        />
        <Button type="submit" variant="default" loading={opening} disabled={path.trim() === ''}>
          Open
        </Button>
        <Button onClick={() => browse()}>Browse…</Button>
      </form>
      {error && <Failure error={error} />}
    </div>
  )
}
