import { expect, it } from 'vitest'
import { bfloatsOf, floatsOf } from './packed.ts'

const packed = (values: ArrayBuffer) => btoa(String.fromCharCode(...new Uint8Array(values)))

it('reads numbers as they were packed', () => {
  const values = [0, -1.5, 3.25e-7, 65504]
  expect([...floatsOf(packed(new Float32Array(values).buffer))]).toEqual([...new Float32Array(values)])
  expect(floatsOf('')).toHaveLength(0)
  expect([...bfloatsOf(packed(new Uint16Array([0x3f80, 0xc000, 0x0000, 0x3e20]).buffer))]).toEqual([1, -2, 0, 0.15625])
})
