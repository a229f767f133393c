import { Button, CloseButton } from '@mantine/core'
import { useEffect, useState } from 'react'
import { letDeletionBe, undoDeletion, useDeletion, type Deletion } from '../../stores/deletion.ts'
import classes from './undo-notice.module.css'

const OFFERED_MS = 10_000

/** Offers for a while to take a deletion back. The time stands still while somebody is at it. */
export function UndoNotice() {
  const deletion = useDeletion((state) => state.deletion)
  return (
    <div role="status" className={classes.place}>
      {deletion && <Notice key={`${deletion.resultId} ${deletion.error?.message}`} deletion={deletion} />}
    </div>
  )
}

function Notice({ deletion: { name, movedToTrash, error } }: { deletion: Deletion }) {
  const [held, hold] = useState(false)

  useEffect(() => {
    if (held || error) return undefined
    const timer = setTimeout(letDeletionBe, OFFERED_MS)
    return () => clearTimeout(timer)
  }, [held, error])

  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.key !== 'z' || !(event.ctrlKey || event.metaKey) || event.shiftKey || isTyping(event.target)) return
      event.preventDefault()
      void undoDeletion()
    }
    window.addEventListener('keydown', listen)
    return () => window.removeEventListener('keydown', listen)
  }, [])

  return (
    <div
      className={classes.notice}
      onMouseEnter={() => hold(true)}
      onMouseLeave={() => hold(false)}
      onFocus={() => hold(true)}
      onBlur={() => hold(false)}
    >
      <div>
        {name} {movedToTrash ? 'deleted' : 'forgotten; its folder stays where it is'}.
        {error && (
          <div className={classes.error}>
            {error.message} {error.hint}
          </div>
        )}
      </div>
      <Button size="compact-sm" variant="default" onClick={() => void undoDeletion()}>
        {error ? 'Try again' : 'Undo'}
      </Button>
      <CloseButton size="sm" aria-label="Dismiss" onClick={letDeletionBe} />
    </div>
  )
}

/** There the keys undo what was typed. */
function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.matches('input:not([type=checkbox]), textarea, select')
}
