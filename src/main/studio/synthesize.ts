import { resolve } from 'node:path'
import type { ModelShape, StoredLayout, SynthesisResult } from '../../shared/contract/sidecar/synthesis.ts'
import type { Context } from './context.ts'
import type { RunOptions } from './recording.ts'

export type SynthesizeRequest = {
  shape: ModelShape
  /** Layout of the matrices in the layers. */
  weights: StoredLayout
  head: StoredLayout
  seed?: number | undefined
  /** Folder to make. */
  out: string
}

/** Makes a model of random weights. It belongs to no project: nothing can be learnt from it but its speed. */
export function synthesize(
  context: Context,
  request: SynthesizeRequest,
  options: RunOptions = {},
): Promise<SynthesisResult> {
  const { seed = 0, out, ...model } = request
  const params = { ...model, seed, out: resolve(out), threads: options.threads ?? 0 }
  return context.sidecar.runJob('synthesis.start', params, { onProgress: options.onProgress, signal: options.signal })
}
