import { create } from 'zustand'
import type { Machine } from '../../shared/contract/studio/index.ts'
import { client } from '../bridge/index.ts'
import { onceLinked } from './link.ts'
import { makeLoader, type Remote } from './remote.ts'

/** This machine. Lives as long as the page. */
export const useMachine = create<Remote<Machine>>(() => ({}))

const load = makeLoader<Machine>((remote) => useMachine.setState(remote))

/** Asks again: free memory is of the moment, and bandwidth of the latest measurement. */
export function loadMachine(): void {
  void load(() => client.call('machine.get', {}))
}

onceLinked(loadMachine)
