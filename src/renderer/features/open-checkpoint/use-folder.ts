import { useEffect, useState } from 'react'
import type { Folder } from '../../../shared/contract/studio/index.ts'
import { client } from '../../bridge/index.ts'
import { makeLoader, type Remote } from '../../stores/remote.ts'

type Browsed = Remote<Folder> & { look: (path?: string) => void }

/** The folder in sight. The last one that could be listed stays until the next is there. */
export function useFolder(): Browsed {
  const [folder, setFolder] = useState<Remote<Folder>>({})
  const [load] = useState(() => makeLoader<Folder>((changed) => setFolder((before) => ({ ...before, ...changed }))))
  const look = (path?: string) => void load(() => client.call('folder.list', path === undefined ? {} : { path }))
  useEffect(() => void load(() => client.call('folder.list', {})), [load])
  return { ...folder, look }
}
