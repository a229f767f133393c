import { expect, it } from 'vitest'
import { placeLabels } from './label-placement.ts'

const area = { x: 0, y: 0, width: 400, height: 200 }
const widthOf = (text: string) => text.length * 7

it('puts a lone label to the right, and to the left at the right edge', () => {
  expect(placeLabels([{ x: 100, y: 100, text: 'abc' }], area, widthOf)[0]).toMatchObject({ anchor: 'start' })
  expect(placeLabels([{ x: 395, y: 100, text: 'abcdef' }], area, widthOf)[0]).toMatchObject({ anchor: 'end' })
})

it('never writes one label over another', () => {
  const points = Array.from({ length: 12 }, (_, index) => ({ x: 200 + index, y: 100 + index, text: 'squeezed' }))
  const boxes = placeLabels(points, area, widthOf).flatMap((place) => {
    if (!place) return []
    const left = place.anchor === 'start' ? place.x : place.anchor === 'end' ? place.x - 56 : place.x - 28
    return [{ left, right: left + 56, top: place.y - 7, bottom: place.y + 7 }]
  })
  expect(boxes.length).toBeGreaterThan(0)
  for (const a of boxes) {
    for (const b of boxes) {
      if (a === b) continue
      expect(a.right <= b.left || b.right <= a.left || a.bottom <= b.top || b.bottom <= a.top).toBe(true)
    }
  }
})
