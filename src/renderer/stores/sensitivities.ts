import { create } from 'zustand'
import type { CalibrationSensitivities } from '../../shared/contract/studio/index.ts'
import { client } from '../bridge/index.ts'
import { makeLoader, type Remote } from './remote.ts'

/** What the calibration in sight learnt. A calibration never changes, so it is asked for once. */
export const useSensitivities = create<Remote<CalibrationSensitivities>>(() => ({}))

const load = makeLoader<CalibrationSensitivities>((remote) => useSensitivities.setState(remote))

export function loadSensitivities(projectId: number, calibrationId: number): void {
  if (useSensitivities.getState().value?.calibrationId === calibrationId) return
  useSensitivities.setState({ value: undefined, error: undefined })
  void load(() => client.call('calibration.get', { projectId, calibrationId }))
}
