import { create } from 'zustand'
import type { MatrixChannel, MatrixOutliers, MatrixWeights } from '../../shared/contract/studio/index.ts'
import { client } from '../bridge/index.ts'
import { makeLoader, type Remote } from './remote.ts'

export type MatrixInSight = { projectId: number; calibrationId: number; tensor: string }

type State = {
  /** Whose the rest is. */
  tensor?: string
  weights: Remote<MatrixWeights>
  channel: Remote<MatrixChannel>
  outliers: Remote<MatrixOutliers>
}

const NOTHING = { weights: {}, channel: {}, outliers: {} }

/** The one matrix in sight. Neither a checkpoint nor a calibration changes, so nothing is asked for twice in a row. */
export const useMatrix = create<State>(() => NOTHING)

/** Answers that are about the matrix before are dropped: each matrix has loaders of its own. */
function makeLoaders(tensor: string) {
  const loaderOf = <K extends 'weights' | 'channel' | 'outliers'>(part: K) =>
    makeLoader<NonNullable<State[K]['value']>>((remote) =>
      useMatrix.setState((state) => (state.tensor === tensor ? { [part]: { ...state[part], ...remote } } : state)),
    )
  return { weights: loaderOf('weights'), channel: loaderOf('channel'), outliers: loaderOf('outliers') }
}

let load: ReturnType<typeof makeLoaders> | undefined

/** To be called first. */
export function loadMatrix(matrix: MatrixInSight): void {
  load = makeLoaders(matrix.tensor)
  useMatrix.setState({ ...NOTHING, tensor: matrix.tensor })
  void load.weights(() => client.call('matrix.weights', matrix))
}

/** Before another channel is there the one before it stays in sight. */
export function loadChannel(matrix: MatrixInSight, channel: number): void {
  void load?.channel(() => client.call('matrix.channel', { ...matrix, channel }))
}

/** Likewise. */
export function loadOutliers(matrix: MatrixInSight, sparsity: number): void {
  void load?.outliers(() => client.call('matrix.outliers', { ...matrix, sparsity }))
}
