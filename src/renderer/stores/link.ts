import { create } from 'zustand'
import { client, type Link } from '../bridge/index.ts'

/** Whether the host answers. Lives as long as the page. */
export const useLink = create<{ link: Link }>(() => ({ link: 'connecting' }))

client.watchLink((link) => useLink.setState({ link }))

/** Runs now, if the host answers, and each time it answers again. */
export function onceLinked(run: () => void): void {
  if (useLink.getState().link === 'open') run()
  useLink.subscribe((now, before) => {
    if (now.link === 'open' && before.link !== 'open') run()
  })
}
