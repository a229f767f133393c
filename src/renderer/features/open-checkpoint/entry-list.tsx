import { UnstyledButton } from '@mantine/core'
import { useEffect, useRef } from 'react'
import type { Folder, FolderEntry } from '../../../shared/contract/studio/index.ts'
import { CheckpointIcon, FileIcon, FolderIcon } from '../../ui/icons.tsx'
import { size } from '../../ui/units.ts'
import classes from './open-dialog.module.css'

const ICONS = { checkpoint: CheckpointIcon, folder: FolderIcon, file: FileIcon }

type Props = {
  folder: Folder
  /** Path of the entry that "Open" would open. */
  chosen: string
  choose: (entry: FolderEntry) => void
  open: (entry: FolderEntry) => void
}

/** What is in a folder. A folder is gone into; a checkpoint is chosen, and opened by a double click. */
export function EntryList({ folder: { entries, cut }, chosen, choose, open }: Props) {
  const list = useRef<HTMLUListElement>(null)
  // The button that led here is gone, and the focus with it.
  useEffect(() => {
    if (document.activeElement === document.body) list.current?.focus()
  }, [])
  if (entries.length === 0) return <p className={classes.nothing}>There are no folders and no weight files here.</p>
  return (
    <ul className={classes.entries} ref={list} tabIndex={-1} aria-label="What is in the folder">
      {entries.map((entry) => {
        const Kind = ICONS[entry.kind]
        return (
          <li key={entry.path}>
            <UnstyledButton
              className={classes.entry}
              data-kind={entry.kind}
              aria-pressed={entry.kind === 'folder' ? undefined : entry.path === chosen}
              onClick={() => choose(entry)}
              onDoubleClick={() => entry.kind !== 'folder' && open(entry)}
            >
              <Kind />
              <span className={classes.entryName}>{entry.name}</span>
              {entry.kind === 'checkpoint' && <span className={classes.kind}>checkpoint</span>}
              {entry.sizeBytes !== undefined && <span className={classes.size}>{size(entry.sizeBytes)}</span>}
            </UnstyledButton>
          </li>
        )
      })}
      {cut && <li className={classes.nothing}>There is more than fits in this list. Type the path instead.</li>}
    </ul>
  )
}
