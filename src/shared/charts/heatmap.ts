import { DIMMED, TEXT } from './palette.ts'
import { group, words, type Scene, type Shape } from './scene.ts'
import { inkOn } from './viridis.ts'

export type HeatCell = { layer: number; role: string; colour: string; text?: string }

export type HeatmapInput = {
  label: string
  title: string
  cells: readonly HeatCell[]
  /** From the lowest to the highest: a colour and what it stands for. */
  key: readonly { colour: string; text: string }[]
}

const CELL = { width: 66, height: 22, gap: 2 }
const LEFT = 44
const TOP = 56

/** Layers by kinds of matrices as a picture: what the page draws as cells that can be pressed. */
export function heatmapScene({ label, title, cells, key }: HeatmapInput): Scene {
  const roles = [...new Set(cells.map(({ role }) => role))]
  const layers = [...new Set(cells.map(({ layer }) => layer))]
  const x = (column: number) => LEFT + column * (CELL.width + CELL.gap)
  const y = (row: number) => TOP + row * (CELL.height + CELL.gap)
  const bottom = y(layers.length) + 22
  const swatch = Math.min(72, Math.floor((x(roles.length) - LEFT) / Math.max(1, key.length)))
  return {
    width: Math.max(x(roles.length) + 8, 7.5 * title.length),
    height: bottom + 34,
    label,
    shapes: [
      words(title, 8, 14, { fill: TEXT, fontWeight: 600 }),
      words('Layer', LEFT - 8, TOP - 12, { fill: DIMMED, textAnchor: 'end' }),
      ...roles.map((role, column) =>
        words(role, x(column) + CELL.width / 2, TOP - 12, { fill: DIMMED, textAnchor: 'middle' }),
      ),
      ...layers.map((layer, row) =>
        words(String(layer), LEFT - 8, y(row) + CELL.height / 2, { fill: DIMMED, textAnchor: 'end' }),
      ),
      ...cells.map((cell): Shape => {
        const [left, top] = [x(roles.indexOf(cell.role)), y(layers.indexOf(cell.layer))]
        const ink = { fill: inkOn(cell.colour), textAnchor: 'middle', fontSize: 11 }
        return group([
          { tag: 'rect', at: { x: left, y: top, width: CELL.width, height: CELL.height, rx: 3, fill: cell.colour } },
          cell.text === undefined ? undefined : words(cell.text, left + CELL.width / 2, top + CELL.height / 2, ink),
        ])
      }),
      ...key.flatMap(({ colour, text }, index) => [
        {
          tag: 'rect' as const,
          at: { x: LEFT + index * swatch, y: bottom - 10, width: swatch, height: 10, fill: colour },
        },
        words(text, LEFT + (index + 0.5) * swatch, bottom + 10, { fill: DIMMED, textAnchor: 'middle', fontSize: 11 }),
      ]),
    ],
  }
}
