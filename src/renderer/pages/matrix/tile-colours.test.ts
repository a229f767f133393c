import { expect, it } from 'vitest'
import { paint, sensitivityShading, weightShading } from './tile-colours.ts'

it('paints sensitivities from dark to bright by powers of ten', () => {
  const { share } = sensitivityShading(1e-6, 1e-2)
  expect([0, 1e-6, 1e-4, 1e-2].map(share)).toEqual([0, 0, expect.closeTo(0.5), expect.closeTo(1)])
  const pixels = [...paint(new Float32Array([0, 1]), sensitivityShading(1e-6, 1e-2))]
  expect(pixels).toEqual([68, 1, 84, 255, 253, 231, 37, 255])
  expect(sensitivityShading(1, 1).share(1)).toBe(0)
})

it('paints weights with zero in the middle', () => {
  const { share } = weightShading(0.5)
  expect([-0.5, 0, 0.25].map(share)).toEqual([0, 0.5, 0.75])
  expect([...paint(new Float32Array([-9]), weightShading(0.5))]).toEqual([33, 102, 172, 255])
})
