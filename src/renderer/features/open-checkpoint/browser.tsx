import { Button, Skeleton, TextInput } from '@mantine/core'
import { useRef, useState, type SyntheticEvent } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import type { FolderEntry } from '../../../shared/contract/studio/index.ts'
import { Failure } from '../failure.tsx'
import { EntryList } from './entry-list.tsx'
import { openPath } from './open-project.ts'
import { Crumbs, Places } from './places.tsx'
import { useFolder } from './use-folder.ts'
import classes from './open-dialog.module.css'

/** Places at the left, the folder beside them, and below the path that "Open" takes: chosen, typed or pasted. */
export function Browser() {
  const folder = useFolder()
  const [typed, setTyped] = useState<string>()
  const [refused, setRefused] = useState<ErrorInfo>()
  const [opening, setOpening] = useState(false)
  const openButton = useRef<HTMLButtonElement>(null)
  const path = typed ?? folder.value?.path ?? ''

  function look(to: string) {
    setTyped(undefined)
    setRefused(undefined)
    folder.look(to)
  }

  function choose(entry: FolderEntry) {
    if (entry.kind === 'folder') return look(entry.path)
    setTyped(entry.path)
    setRefused(undefined)
    openButton.current?.focus()
  }

  async function open(to: string) {
    setOpening(true)
    setRefused(undefined)
    setRefused(await openPath(to))
    setOpening(false)
  }

  function submit(event: SyntheticEvent) {
    event.preventDefault()
    if (path.trim() !== '') void open(path.trim())
  }

  const error = refused ?? folder.error
  return (
    <form onSubmit={submit}>
      {folder.value ? (
        <div className={classes.browser}>
          <Places roots={folder.value.roots} current={folder.value.crumbs[0]?.path} look={look} />
          <div className={classes.folder}>
            <Crumbs crumbs={folder.value.crumbs} look={look} />
            <EntryList
              key={folder.value.path}
              folder={folder.value}
              chosen={path}
              choose={choose}
              open={({ path: to }) => void open(to)}
            />
          </div>
        </div>
      ) : (
        !folder.error && <Skeleton height="22rem" />
      )}
      {error && (
        <div className={classes.error}>
          <Failure error={error} />
        </div>
      )}
      <div className={classes.foot}>
        <TextInput
          className={classes.path}
          label="Path"
          placeholder="/path/to/checkpoint"
          value={path}
          onChange={({ currentTarget }) => setTyped(currentTarget.value)}
          spellCheck={false}
          autoComplete="off"
        />
        <Button type="submit" ref={openButton} loading={opening} disabled={path.trim() === ''}>
          Open
        </Button>
      </div>
    </form>
  )
}
