import { create } from 'zustand'
import type { Settings, SettingsInSight } from '../../shared/contract/studio/index.ts'
import { client } from '../bridge/index.ts'
import { onceLinked } from './link.ts'
import { makeLoader, type Remote } from './remote.ts'

/** Settings and folders of the studio. Lives as long as the page; the host keeps the truth. */
export const useSettings = create<Remote<SettingsInSight>>(() => ({}))

const load = makeLoader<SettingsInSight>((remote) => useSettings.setState(remote))

export function loadSettings(): void {
  void load(() => client.call('settings.get', {}))
}

/** Rejects with what the host refused; what is in sight then stays. */
export async function saveSettings(settings: Settings): Promise<void> {
  const value = await client.call('settings.set', settings)
  await load(() => Promise.resolve(value))
}

onceLinked(loadSettings)
