import { Button } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import type { FolderEntry, FolderListing } from '../../../shared/contract/studio/index.ts'
import { client, refusalInfo } from '../../bridge/index.ts'
import { exact, size } from '../../ui/units.ts'
import { Failure } from '../failure.tsx'
import { FolderList } from './folder-list.tsx'
import { Trail } from './trail.tsx'
import classes from './folder-browser.module.css'

/** No entry: the folder itself is meant. */
const NONE = -1

type Props = {
  wanted: 'checkpoint' | 'text'
  /** The one looked at last. */
  folder?: string | undefined
  /** Name of what was dropped and is looked for. */
  dropped?: string | undefined
  /** Why something else could not be opened. */
  reason?: ErrorInfo | undefined
  looked: (folder: string | undefined) => void
  /** Rejects with a Refusal, which is then shown. */
  choose: (entry: FolderEntry) => Promise<void>
}

/** The folders on the way to what is wanted: where one is, what is there, and a button that takes what is chosen. */
export function FolderBrowser({ wanted, folder, dropped, reason, looked, choose }: Props) {
  const [listing, setListing] = useState<FolderListing>()
  const [error, setError] = useState<ErrorInfo | undefined>(reason)
  const [active, setActive] = useState(NONE)
  const [opening, setOpening] = useState(false)

  async function go(path: string | undefined) {
    const from = listing?.trail.at(-1)?.path
    try {
      const there = await client.call('folder.list', { path, wanted })
      setListing(there)
      setActive(firstOf(there, from, dropped))
      setError(undefined)
      looked(path)
    } catch (refused) {
      setError(refusalInfo(refused))
    }
  }

  useEffect(() => {
    // The folder looked at last may be gone; the places are always there.
    const look = (path?: string) => client.call('folder.list', { path, wanted })
    const begin = folder === undefined ? look() : look(folder).catch(() => look())
    begin.then(
      (there) => {
        setListing(there)
        setActive(firstOf(there, undefined, dropped))
      },
      (refused: unknown) => setError(refusalInfo(refused)),
    )
    // Only when the dialog opens: from then on, going somewhere asks by itself.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [])

  const chosen = listing && targetOf(listing, listing.entries[active])
  const here = listing && textFolder(listing)

  async function take(entry: FolderEntry) {
    setOpening(true)
    setError(undefined)
    try {
      await choose(entry)
    } catch (refused) {
      setError(refusalInfo(refused))
    } finally {
      setOpening(false)
    }
  }

  async function open(entry: FolderEntry) {
    if (entry.kind === 'folder') return go(entry.path)
    await take(entry)
  }

  return (
    <div className={classes.browser}>
      {dropped !== undefined && (
        <p className={classes.notice} role="status">
          A browser does not tell where <b>{dropped}</b> lies. Find it here, on the machine where the studio runs.
        </p>
      )}
      <Trail trail={listing?.trail ?? []} go={(path) => void go(path)} />
      <FolderList
        wanted={wanted}
        listing={listing}
        active={active}
        setActive={setActive}
        open={(entry) => void open(entry)}
        up={() => {
          if (listing && listing.trail.length > 0) void go(listing.trail.at(-2)?.path)
        }}
      />
      {error && <Failure error={error} />}
      <footer className={classes.footer}>
        <div className={classes.chosen}>{chosen ? <Chosen entry={chosen} /> : <>Choose a {wanted}.</>}</div>
        {here && (
          <Button variant="default" loading={opening} onClick={() => void take(here)}>
            All {exact(listing.texts)} texts here
          </Button>
        )}
        <Button disabled={!chosen} loading={opening} onClick={() => chosen && void open(chosen)}>
          {chosen?.kind === 'folder' ? 'Look inside' : wanted === 'text' ? 'Take' : 'Open'}
        </Button>
      </footer>
    </div>
  )
}

function Chosen({ entry }: { entry: FolderEntry }) {
  return (
    <>
      <span className={classes.path} title={entry.path}>
        {entry.path}
      </span>
      {entry.weightBytes !== undefined && <span className="unit"> {size(entry.weightBytes)} of weights</span>}
      {entry.textBytes !== undefined && <span className="unit"> {size(entry.textBytes)} of text</span>}
    </>
  )
}

/** Where one came from, or what was dropped, or the first; none where the folder itself can be opened. */
function firstOf({ entries, isCheckpoint }: FolderListing, from?: string, dropped?: string): number {
  const known = entries.findIndex(({ path, name }) => path === from || name === dropped)
  if (known >= 0) return known
  return isCheckpoint || entries.length === 0 ? NONE : 0
}

/** The folder itself, where its texts can be taken together. */
function textFolder({ trail, texts }: FolderListing): FolderEntry | undefined {
  const here = trail.at(-1)
  return here && texts > 1 ? { ...here, kind: 'folder' } : undefined
}

function targetOf({ trail, isCheckpoint, weightBytes }: FolderListing, entry?: FolderEntry): FolderEntry | undefined {
  if (entry) return entry
  const here = trail.at(-1)
  return here && isCheckpoint ? { ...here, kind: 'checkpoint', weightBytes } : undefined
}
