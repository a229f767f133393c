export type Box = { x: number; y: number; width: number; height: number }
export type Labelled = { x: number; y: number; text: string }
export type Placed = { x: number; y: number; anchor: 'start' | 'middle' | 'end' }

const HEIGHT = 14
const GAP = 9

/**
 * A place for the label of each point, in pixels: the first of right, left, above, below and the corners that stays
 * inside the area and off every point and label before it. A label without any such place is left out (null): a name
 * written over another one names nothing, and the hover still tells it.
 */
export function placeLabels(points: Labelled[], area: Box, widthOf: (text: string) => number): (Placed | null)[] {
  const taken: Box[] = points.map(({ x, y }) => ({ x: x - 6, y: y - 6, width: 12, height: 12 }))
  return points.map((point, index) => {
    const width = widthOf(point.text)
    for (const candidate of candidates(point, width)) {
      const { box } = candidate
      if (!inside(box, area) || taken.some((other, owner) => owner !== index && overlap(box, other))) continue
      taken.push(box)
      return candidate.place
    }
    return null
  })
}

function candidates({ x, y }: Labelled, width: number): { box: Box; place: Placed }[] {
  const at = (anchor: Placed['anchor'], tx: number, ty: number) => {
    const left = anchor === 'start' ? tx : anchor === 'end' ? tx - width : tx - width / 2
    return { box: { x: left, y: ty - HEIGHT / 2, width, height: HEIGHT }, place: { x: tx, y: ty, anchor } }
  }
  return [
    at('start', x + GAP, y),
    at('middle', x, y - GAP - 6),
    at('end', x - GAP, y),
    at('middle', x, y + GAP + 6),
    at('start', x + GAP, y - 12),
    at('start', x + GAP, y + 12),
    at('end', x - GAP, y - 12),
    at('end', x - GAP, y + 12),
  ]
}

function inside(box: Box, area: Box): boolean {
  return (
    box.x >= area.x &&
    box.y >= area.y &&
    box.x + box.width <= area.x + area.width &&
    box.y + box.height <= area.y + area.height
  )
}

function overlap(a: Box, b: Box): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}
