import { useEffect, useRef, type KeyboardEvent, type ReactNode } from 'react'
import type { FolderEntry, FolderListing } from '../../../shared/contract/studio/index.ts'
import { ChevronIcon, CheckpointIcon, FileIcon, FolderIcon } from '../../ui/icons.tsx'
import { exact, size } from '../../ui/units.ts'
import classes from './folder-list.module.css'

type Props = {
  wanted: 'checkpoint' | 'text'
  /** Absent while the first one is asked for. */
  listing: FolderListing | undefined
  /** Index of the entry that Enter acts on; −1 for none. */
  active: number
  setActive: (index: number) => void
  open: (entry: FolderEntry) => void
  up: () => void
}

const ICONS: Record<FolderEntry['kind'], ReactNode> = {
  folder: <FolderIcon />,
  checkpoint: <CheckpointIcon />,
  file: <FileIcon />,
  text: <FileIcon />,
}

/** While the first listing is on its way: the list keeps its place and the keyboard. */
const NOTHING: FolderListing = { trail: [], isCheckpoint: false, texts: 0, entries: [], leftOut: 0 }

/**
 * What is in a folder. One stop of the tab key: arrows, Home, End and the first letter of a name move, Enter or → goes
 * on, Backspace or ← goes up.
 */
export function FolderList({ wanted, listing, active, setActive, open, up }: Props) {
  const list = useRef<HTMLUListElement>(null)
  useEffect(() => {
    list.current?.children[active]?.scrollIntoView({ block: 'nearest' })
  }, [active, listing])
  const { entries, leftOut, trail } = listing ?? NOTHING

  function press(event: KeyboardEvent) {
    const next = nextIndex(event.key, active, entries)
    const entry = entries[active]
    if (next !== undefined) setActive(next)
    else if (event.key === 'Enter' && entry) open(entry)
    else if (event.key === 'ArrowRight' && entry?.kind === 'folder') open(entry)
    else if (event.key === 'Backspace' || event.key === 'ArrowLeft') up()
    else return
    event.preventDefault()
  }

  return (
    <div className={classes.frame}>
      <ul
        ref={list}
        role="listbox"
        aria-label={`Folders and ${wanted}s`}
        aria-activedescendant={active < 0 ? undefined : optionId(active)}
        // The dialog begins here.
        data-autofocus
        tabIndex={0}
        aria-busy={!listing}
        className={classes.list}
        onKeyDown={press}
      >
        {entries.map((entry, index) => (
          <li
            key={entry.path}
            id={optionId(index)}
            role="option"
            aria-selected={index === active}
            className={classes.entry}
            data-kind={entry.kind}
            onClick={() => (entry.kind === 'folder' ? open(entry) : setActive(index))}
            onDoubleClick={() => entry.kind !== 'folder' && open(entry)}
          >
            {ICONS[entry.kind]}
            <span className={classes.name}>{entry.name}</span>
            <span className={classes.note}>{trail.length === 0 ? entry.path : noteOf(entry)}</span>
            {entry.kind === 'folder' ? <ChevronIcon /> : <span />}
          </li>
        ))}
      </ul>
      {listing && entries.length === 0 && <p className={classes.empty}>No folder and no {wanted} in here.</p>}
      {leftOut > 0 && (
        <p className={classes.more}>
          {exact(leftOut)} more are not shown.
          {wanted === 'checkpoint' && ' Type the path on the projects page instead.'}
        </p>
      )}
    </div>
  )
}

function noteOf({ kind, weightBytes, textBytes }: FolderEntry): string {
  if (textBytes !== undefined) return size(textBytes)
  if (weightBytes === undefined) return ''
  return `${kind === 'checkpoint' ? 'Checkpoint' : 'Weights'}, ${size(weightBytes)}`
}

function optionId(index: number): string {
  return `folder-entry-${index}`
}

/** Where a key leads, if it moves at all. */
function nextIndex(key: string, active: number, entries: FolderEntry[]): number | undefined {
  const last = entries.length - 1
  if (last < 0) return undefined
  if (key === 'ArrowDown') return Math.min(last, active + 1)
  if (key === 'ArrowUp') return Math.max(0, active - 1)
  if (key === 'Home') return 0
  if (key === 'End') return last
  if (key.length !== 1) return undefined
  const begins = ({ name }: FolderEntry) => name.toLowerCase().startsWith(key.toLowerCase())
  const after = entries.findIndex((entry, index) => index > active && begins(entry))
  const found = after >= 0 ? after : entries.findIndex(begins)
  return found >= 0 ? found : undefined
}
