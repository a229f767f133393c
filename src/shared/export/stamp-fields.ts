import type { Stamp } from '../contract/studio/index.ts'
import type { TableRecord } from './table-text.ts'

/** How a number was measured, as columns of a file. */
export function stampFields(stamp: Stamp | undefined): TableRecord {
  return {
    text: stamp?.textName ?? null,
    textSha256: stamp?.textHash ?? null,
    windows: stamp?.windows ?? null,
    windowLength: stamp?.windowLength ?? null,
    predictedTokens: stamp?.tokens ?? null,
    bos: stamp?.bos ?? null,
    precision: stamp?.precision ?? null,
    stamp: stamp?.key ?? null,
  }
}
