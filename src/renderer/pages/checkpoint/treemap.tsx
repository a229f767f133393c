import { useElementSize } from '@mantine/hooks'
import { useMemo, useState, type KeyboardEvent } from 'react'
import { exact, share, size } from '../../ui/units.ts'
import type { Group, Leaf } from './byte-groups.ts'
import { neighbour, type Direction } from './neighbour.ts'
import { squarify, type Rect } from './squarify.ts'
import classes from './treemap.module.css'

type Props = { label: string; groups: Group[]; totalBytes: number }

/** A tile with where it lies. */
type Tile = { leaf: Leaf; group: string; rect: Rect }
type Frame = { name: string; rect: Rect; titled: boolean; tiles: Tile[] }

const HEIGHT = 400
const TITLE = 18
/** Between groups, and around a tile within one. */
const GAP = 3
const SEAM = 0.75
/** About as wide as a letter is drawn. */
const LETTER = 6.5

const KEYS: Record<string, Direction> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
}

/**
 * Tiles as large as the bytes that they stand for, in groups. One stop of the tab key: arrows walk over the tiles, and
 * the line below says exactly what the tile is that one points at or stands on.
 */
export function Treemap({ label, groups, totalBytes }: Props) {
  const { ref, width } = useElementSize<HTMLDivElement>()
  const frames = useMemo(() => layOut(groups, width), [groups, width])
  const tiles = frames.flatMap((frame) => frame.tiles)
  const [chosen, choose] = useState(0)
  const [pointed, point] = useState<number>()
  const shown = tiles[pointed ?? chosen]

  function press(event: KeyboardEvent) {
    const direction = KEYS[event.key]
    const ends: Record<string, number> = { Home: 0, End: tiles.length - 1 }
    const rects = tiles.map(({ rect }) => rect)
    const next = direction ? neighbour(rects, chosen, direction) : ends[event.key]
    if (!direction && next === undefined) return
    event.preventDefault()
    point(undefined)
    if (next !== undefined) choose(next)
  }

  return (
    <div>
      <div ref={ref} className={classes.map} style={{ height: HEIGHT }}>
        <svg
          width={width}
          height={HEIGHT}
          role="listbox"
          aria-label={label}
          aria-activedescendant={tileId(chosen)}
          tabIndex={0}
          onKeyDown={press}
          onPointerLeave={() => point(undefined)}
        >
          {frames.map((frame) => (
            <g key={frame.name} role="group" aria-label={frame.name}>
              {frame.titled && (
                <text className={classes.title} x={frame.rect.x + 2} y={frame.rect.y + 12} aria-hidden="true">
                  {frame.name}
                </text>
              )}
              {frame.tiles.map((tile) => {
                const index = tiles.indexOf(tile)
                return (
                  <TileShape
                    key={tile.leaf.name}
                    tile={tile}
                    index={index}
                    chosen={index === chosen}
                    share={tile.leaf.sizeBytes / Math.max(1, totalBytes)}
                    choose={() => choose(index)}
                    point={() => point(index)}
                  />
                )
              })}
              {frame.tiles.map((tile) => (
                <TileText key={tile.leaf.name} tile={tile} />
              ))}
            </g>
          ))}
        </svg>
      </div>
      <div className={classes.readout}>{shown && <Readout tile={shown} totalBytes={totalBytes} />}</div>
    </div>
  )
}

type ShapeProps = {
  tile: Tile
  index: number
  chosen: boolean
  share: number
  choose: () => void
  point: () => void
}

function TileShape({ tile, index, chosen, share: of, choose, point }: ShapeProps) {
  const { leaf, group, rect } = tile
  const { x, y, width, height } = shrunk(rect, SEAM)
  const name = group === leaf.name ? leaf.name : `${group} ${leaf.name}`
  return (
    <g
      id={tileId(index)}
      role="option"
      aria-selected={chosen}
      aria-label={`${name}: ${exact(leaf.sizeBytes)} bytes, ${share(of)}`}
      className={classes.tile}
      data-part={leaf.part}
      onClick={choose}
      onPointerEnter={point}
    >
      <rect x={x} y={y} width={width} height={height} rx={2} />
    </g>
  )
}

/** Not within the tile: it says less than the name that a screen reader gets of the tile itself. */
function TileText({ tile: { leaf, rect } }: { tile: Tile }) {
  const { x, y, width, height } = shrunk(rect, SEAM)
  const label = height > 16 ? labelFor(leaf.name, width) : undefined
  if (!label) return null
  return (
    <g className={classes.text} data-part={leaf.part} aria-hidden="true">
      <text x={x + 5} y={y + 14}>
        {label}
      </text>
      {height > 32 && width > 60 && (
        <text x={x + 5} y={y + 28} className={classes.size}>
          {size(leaf.sizeBytes)}
        </text>
      )}
    </g>
  )
}

/** The name, or its first part, where there is room for it. */
function labelFor(name: string, width: number): string | undefined {
  const [first = name] = name.split(/, | and /)
  return [name, first].find((text) => LETTER * text.length + 10 < width)
}

function Readout({ tile: { leaf, group }, totalBytes }: { tile: Tile; totalBytes: number }) {
  const { matrix } = leaf
  return (
    <>
      <span className={classes.key} data-part={leaf.part} />
      <span className={classes.name}>{matrix?.name ?? group}</span>
      {matrix && (
        <span className="unit">
          {exact(matrix.rows)} × {exact(matrix.cols)}, {matrix.storedAs}
        </span>
      )}
      <span className={classes.bytes}>
        {exact(leaf.sizeBytes)} bytes <span className="unit">{share(leaf.sizeBytes / Math.max(1, totalBytes))}</span>
      </span>
    </>
  )
}

/** Groups first, then the tiles within each, below its title where there is room for one. */
function layOut(groups: Group[], width: number): Frame[] {
  const sums = groups.map(({ leaves }) => leaves.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0))
  const areas = squarify(sums, { x: 0, y: 0, width, height: HEIGHT })
  return groups.map(({ name, leaves }, index) => {
    const rect = shrunk(areas[index] ?? { x: 0, y: 0, width: 0, height: 0 }, GAP / 2)
    // A group of one tile has its name on the tile.
    const titled = leaves.length > 1 && rect.height > 48 && rect.width > LETTER * name.length
    const top = titled ? TITLE : 0
    const inner = { ...rect, y: rect.y + top, height: rect.height - top }
    const rects = squarify(
      leaves.map(({ sizeBytes }) => sizeBytes),
      inner,
    )
    return { name, rect, titled, tiles: leaves.map((leaf, at) => ({ leaf, group: name, rect: rects[at] ?? inner })) }
  })
}

function shrunk({ x, y, width, height }: Rect, by: number): Rect {
  return { x: x + by, y: y + by, width: Math.max(0, width - 2 * by), height: Math.max(0, height - 2 * by) }
}

function tileId(index: number): string {
  return `byte-tile-${index}`
}
