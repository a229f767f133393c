import { useEffect, useRef, useState } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import { client, refusalInfo } from '../../bridge/index.ts'
import type { MatrixPlace } from '../../route.ts'
import { bfloatsOf } from './packed.ts'
import type { View } from './view.ts'

export type Show = 'weight' | 'sensitivity'
export type Pool = 'mean' | 'extreme'
export type Tile = { view: View; show: Show; pool: Pool; width: number; height: number; cells: Float32Array }

/** The most cells that the sidecar pools to. */
const MOST = { width: 1024, height: 512 }
/** While a person drags and zooms, views come faster than they can be asked for. */
const PAUSE_MS = 60

/** The cells of a view, at the resolution of the screen. Those before them stay until they are there. */
export function useTile(
  { projectId, calibrationId, tensor }: MatrixPlace,
  { show, pool, row, col, rows, cols }: View & { show: Show; pool: Pool },
  screen: { width: number; height: number },
  settled: (tensor: string) => void,
): [Tile | undefined, ErrorInfo | undefined] {
  const [tile, setTile] = useState<Tile>()
  const [error, setError] = useState<ErrorInfo>()
  const width = Math.min(cols, MOST.width, Math.floor(screen.width))
  const height = Math.min(rows, MOST.height, Math.floor(screen.height))
  const first = useRef(true)
  useEffect(() => {
    if (width < 1) return
    let wanted = true
    const ask = async () => {
      try {
        const place = { projectId, calibrationId, tensor }
        const asked = { ...place, show, pool, row, col, rows, cols, width, height }
        const { cells } = await client.call('matrix.tile', asked)
        if (!wanted) return
        setTile({ view: { row, col, rows, cols }, show, pool, width, height, cells: bfloatsOf(cells) })
        setError(undefined)
      } catch (refused) {
        if (wanted) setError(refusalInfo(refused))
      }
      settled(tensor)
    }
    const timer = setTimeout(() => void ask(), first.current ? 0 : PAUSE_MS)
    first.current = false
    return () => {
      wanted = false
      clearTimeout(timer)
    }
  }, [projectId, calibrationId, tensor, show, pool, row, col, rows, cols, width, height, settled])
  return [tile, error]
}
