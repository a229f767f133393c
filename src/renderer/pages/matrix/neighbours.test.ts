import { expect, it } from 'vitest'
import { neighbourOf } from './neighbours.ts'

const matrices = ['0 q', '0 k', '0 v', '1 q', '1 v'].map((name) => ({
  name,
  layer: Number(name[0]),
  role: name.slice(2),
}))
const from = (name: string) => matrices.find((each) => each.name === name) ?? { name, layer: 9, role: 'q' }

it('walks over layers and over roles, and stops at the edge', () => {
  expect(neighbourOf(matrices, from('0 q'), 'next-role')?.name).toBe('0 k')
  expect(neighbourOf(matrices, from('0 q'), 'previous-role')).toBeUndefined()
  expect(neighbourOf(matrices, from('0 v'), 'next-role')).toBeUndefined()
  expect(neighbourOf(matrices, from('0 v'), 'next-layer')?.name).toBe('1 v')
  expect(neighbourOf(matrices, from('1 q'), 'previous-layer')?.name).toBe('0 q')
  expect(neighbourOf(matrices, from('0 k'), 'next-layer')).toBeUndefined()
})
