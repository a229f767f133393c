import { ActionIcon, SegmentedControl } from '@mantine/core'
import { useElementSize } from '@mantine/hooks'
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type PointerEvent } from 'react'
import { Legend } from '../../features/matrices/heatmap.tsx'
import { scientific } from '../../features/matrices/scales.ts'
import { Failure } from '../../features/failure.tsx'
import type { MatrixPlace } from '../../route.ts'
import type { MatrixWeights } from '../../../shared/contract/studio/index.ts'
import { DIVERGING_GRADIENT } from '../../ui/diverging.ts'
import { exact } from '../../ui/units.ts'
import { sensitivityShading, weightShading, paint } from './tile-colours.ts'
import { useTile, type Pool, type Show, type Tile } from './use-tile.ts'
import { outward, panned, whole, zoomed, type View } from './view.ts'
import { F_UNIT, weightWords } from './words.ts'
import classes from './tile-map.module.css'

type Props = {
  place: MatrixPlace
  matrix: MatrixWeights
  channel?: number | undefined
  choose: (channel: number) => void
  /** Told the tensor each time that cells of it came, or did not. */
  settled: (tensor: string) => void
}

const HEIGHT = 500
const ZOOM = 1.6
const PAN = 0.2
/** Pixels that a pointer may move and still have clicked. */
const STILL_PX = 4
/** Of F, below the mean: what is darker still matters to nobody. */
const DARKEST = 1 / 300
const DEVIATIONS = 4

const CENTRE = { x: 0.5, y: 0.5 }
type Spot = typeof CENTRE

/** The matrix itself, pooled by the sidecar to the cells that the screen has. */
export function TileMap({ place, matrix, channel, choose, settled }: Props) {
  const { ref, width } = useElementSize<HTMLDivElement>()
  const [show, setShow] = useState<Show>('sensitivity')
  const [pool, setPool] = useState<Pool>('extreme')
  const [view, setView] = useState<View>(() => whole(matrix))
  const [pointed, point] = useState<Spot>()
  const [focused, setFocused] = useState(false)
  const [tile, error] = useTile(place, { show, pool, ...outward(view, matrix) }, { width, height: HEIGHT }, settled)
  const drag = useRef<{ x: number; y: number; view: View; moved: boolean }>(undefined)
  const spot = pointed ?? (focused ? CENTRE : undefined)

  const mean = matrix.sensitivitySum / (matrix.rows * matrix.cols)
  const darkest = Math.max(mean * DARKEST, 1e-38)
  const widest = DEVIATIONS * matrix.deviation
  const shading = useMemo(
    () =>
      tile?.show === 'weight'
        ? weightShading(widest)
        : sensitivityShading(darkest, Math.max(darkest, matrix.sensitivityMax)),
    [tile?.show, widest, darkest, matrix.sensitivityMax],
  )
  const canvas = useCanvas(tile, shading, view, width, channel)

  const zoom = (factor: number, at: Spot = CENTRE) => setView((now) => zoomed(now, factor, at, matrix))
  const pan = (across: number, down: number) => setView((now) => panned(now, across, down, matrix))
  useWheel(canvas, focused, (factor, at) => zoom(factor, at))

  const spotOf = (event: PointerEvent): Spot => {
    const box = event.currentTarget.getBoundingClientRect()
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height }
  }
  const rowAt = ({ y }: Spot) => Math.min(matrix.rows - 1, Math.floor(view.row + y * view.rows))

  function move(event: PointerEvent) {
    const at = spotOf(event)
    point(at)
    const begun = drag.current
    if (!begun) return
    begun.moved ||= Math.hypot((at.x - begun.x) * width, (at.y - begun.y) * HEIGHT) > STILL_PX
    if (begun.moved) setView(panned(begun.view, begun.x - at.x, begun.y - at.y, matrix))
  }

  function press(event: KeyboardEvent) {
    const actions: Record<string, () => void> = {
      ArrowLeft: () => pan(-PAN, 0),
      ArrowRight: () => pan(PAN, 0),
      ArrowUp: () => pan(0, -PAN),
      ArrowDown: () => pan(0, PAN),
      '+': () => zoom(ZOOM),
      '=': () => zoom(ZOOM),
      '-': () => zoom(1 / ZOOM),
      '0': () => setView(whole(matrix)),
      Home: () => setView(whole(matrix)),
      Enter: () => choose(rowAt(CENTRE)),
    }
    const action = actions[event.key]
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return
    event.preventDefault()
    point(undefined)
    action()
  }

  return (
    <div>
      <div className={classes.controls}>
        <SegmentedControl
          size="xs"
          aria-label="What the cells show"
          value={show}
          onChange={(value) => setShow(value)}
          data={[
            { value: 'sensitivity', label: 'F' },
            { value: 'weight', label: 'Weights' },
          ]}
        />
        <SegmentedControl
          size="xs"
          aria-label="What a cell shows of its block"
          value={pool}
          onChange={(value) => setPool(value)}
          data={[
            { value: 'extreme', label: show === 'weight' ? 'largest |w|' : 'largest' },
            { value: 'mean', label: 'mean' },
          ]}
        />
        <span className={classes.where}>{viewWords(outward(view, matrix))}</span>
        <ActionIcon.Group>
          <ActionIcon variant="default" aria-label="Closer" onClick={() => zoom(ZOOM)}>
            +
          </ActionIcon>
          <ActionIcon variant="default" aria-label="Further away" onClick={() => zoom(1 / ZOOM)}>
            −
          </ActionIcon>
          <ActionIcon variant="default" aria-label="The whole matrix" onClick={() => setView(whole(matrix))}>
            ⤢
          </ActionIcon>
        </ActionIcon.Group>
      </div>
      <div ref={ref} className={classes.frame} style={{ height: HEIGHT }}>
        <canvas
          ref={canvas}
          className={classes.canvas}
          role="application"
          aria-roledescription="map"
          aria-label={`The matrix, output channels down, input channels across. ${viewWords(outward(view, matrix))}. Arrows move, plus and minus zoom, 0 shows all, Enter opens the channel in the middle.`}
          tabIndex={0}
          onFocus={() => setFocused(true)}
          onBlur={() => setFocused(false)}
          onKeyDown={press}
          onPointerDown={(event) => {
            event.currentTarget.setPointerCapture(event.pointerId)
            drag.current = { ...spotOf(event), view, moved: false }
          }}
          onPointerMove={move}
          onPointerUp={(event) => {
            const begun = drag.current
            drag.current = undefined
            if (begun && !begun.moved) choose(rowAt(spotOf(event)))
          }}
          onPointerCancel={() => (drag.current = undefined)}
          onPointerLeave={() => point(undefined)}
          onDoubleClick={(event) => event.preventDefault()}
        />
        {spot && (
          <span
            className={classes.cross}
            style={{ left: `${spot.x * 100}%`, top: `${spot.y * 100}%` }}
            aria-hidden="true"
          />
        )}
      </div>
      <p className={classes.readout} aria-live={focused ? 'polite' : 'off'}>
        {(spot && tile && cellWords(tile, view, spot)) ??
          'Click a row for its channel; drag to move. With the focus here the wheel zooms, without it Ctrl and the wheel do.'}
      </p>
      {show === 'weight' ? (
        <Legend
          low={`≤ ${weightWords(-widest)}`}
          high={`≥ ${weightWords(widest)}`}
          note={`weight, to ${DEVIATIONS} standard deviations`}
          gradient={DIVERGING_GRADIENT}
        />
      ) : (
        <Legend
          low={`≤ ${scientific(darkest)}`}
          high={scientific(matrix.sensitivityMax)}
          note={`F, ${F_UNIT}, logarithmic scale`}
        />
      )}
      {error && <Failure error={error} />}
    </div>
  )
}

/** Draws what is there of the view; cells that are not there yet stay as coarse as they were. */
function useCanvas(
  tile: Tile | undefined,
  shading: Parameters<typeof paint>[1],
  view: View,
  width: number,
  channel: number | undefined,
) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const picture = useMemo(() => {
    if (!tile) return undefined
    const drawn = new OffscreenCanvas(tile.width, tile.height)
    drawn.getContext('2d')?.putImageData(new ImageData(paint(tile.cells, shading), tile.width, tile.height), 0, 0)
    return drawn
  }, [tile, shading])
  useEffect(() => {
    const element = canvas.current
    const context = element?.getContext('2d')
    if (!element || !context || width === 0) return
    const ratio = window.devicePixelRatio
    element.width = Math.round(width * ratio)
    element.height = Math.round(HEIGHT * ratio)
    context.imageSmoothingEnabled = false
    const [perCol, perRow] = [element.width / view.cols, element.height / view.rows]
    if (tile && picture) {
      context.drawImage(
        picture,
        (tile.view.col - view.col) * perCol,
        (tile.view.row - view.row) * perRow,
        tile.view.cols * perCol,
        tile.view.rows * perRow,
      )
    }
    if (channel === undefined) return
    const thickness = Math.max(2 * ratio, perRow)
    const top = (channel + 0.5 - view.row) * perRow - thickness / 2
    // Seen on every colour.
    for (const [style, line] of [
      ['#000', 3],
      ['#fff', 1],
    ] as const) {
      context.strokeStyle = style
      context.lineWidth = line * ratio
      context.strokeRect(-4 * ratio, top, element.width + 8 * ratio, thickness)
    }
  }, [tile, picture, view, width, channel])
  return canvas
}

/** The wheel turns the page, unless the map has the focus or Ctrl is held. React cannot keep it from doing both. */
function useWheel(
  canvas: { readonly current: HTMLCanvasElement | null },
  focused: boolean,
  zoom: (factor: number, at: Spot) => void,
): void {
  const act = useRef(zoom)
  useEffect(() => {
    act.current = zoom
  })
  useEffect(() => {
    const element = canvas.current
    if (!element) return
    const turned = (event: WheelEvent) => {
      if (!focused && !event.ctrlKey && !event.metaKey) return
      event.preventDefault()
      const box = element.getBoundingClientRect()
      const at = { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height }
      act.current(2 ** (-event.deltaY / 240), at)
    }
    element.addEventListener('wheel', turned, { passive: false })
    return () => element.removeEventListener('wheel', turned)
  }, [canvas, focused])
}

function viewWords({ row, col, rows, cols }: View): string {
  return `channels ${exact(row)} to ${exact(row + rows - 1)}, inputs ${exact(col)} to ${exact(col + cols - 1)}`
}

/** What stands under a spot of the view: "Channels 4 to 7, inputs 12 to 15: largest F ≈ 3.2·10⁻⁴". */
function cellWords(
  { view: drawn, show, pool, width, height, cells }: Tile,
  view: View,
  spot: Spot,
): string | undefined {
  const y = Math.floor(((view.row + spot.y * view.rows - drawn.row) / drawn.rows) * height)
  const x = Math.floor(((view.col + spot.x * view.cols - drawn.col) / drawn.cols) * width)
  const value = cells[y * width + x]
  if (value === undefined || x < 0 || x >= width || y < 0) return undefined
  const rows = edges(y, drawn.rows, height).map((edge) => drawn.row + edge)
  const cols = edges(x, drawn.cols, width).map((edge) => drawn.col + edge)
  const single = rangeWords(rows) === exact(rows[0] ?? 0) && rangeWords(cols) === exact(cols[0] ?? 0)
  const how = single ? '' : pool === 'mean' ? 'mean ' : 'largest '
  const what = show === 'weight' ? `w ≈ ${weightWords(value)}` : `F ≈ ${scientific(value)} ${F_UNIT}`
  return `Channel ${rangeWords(rows)}, input ${rangeWords(cols)}: ${how}${what}`
}

function edges(cell: number, entries: number, cells: number): number[] {
  return [Math.floor((cell * entries) / cells), Math.floor(((cell + 1) * entries) / cells) - 1]
}

function rangeWords([first = 0, last = first]: number[]): string {
  return first === last ? exact(first) : `${exact(first)} to ${exact(last)}`
}
