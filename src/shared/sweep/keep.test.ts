import { expect, it } from 'vitest'
import { keptNames, patternsOf, toggleKept } from './keep.ts'

const matrices = Array.from({ length: 12 }, (_, layer) =>
  ['q', 'o', 'down'].map((role) => ({
    name: `model.layers.${layer}.${role === 'down' ? 'mlp' : 'self_attn'}.${role}_proj.weight`,
    layer,
    role,
    weights: 1,
    denseBytes: 2,
    cells: [],
  })),
).flat()
const table = { matrices }
const nameOf = (layer: number, role: string) =>
  matrices.find((each) => each.layer === layer && each.role === role)?.name ?? ''

it('names a kind, a layer and a matrix by one pattern each', () => {
  expect(toggleKept(table, [], { role: 'o' })).toEqual(['*.o_proj'])
  expect(toggleKept(table, [], { layer: 1 })).toEqual(['model.layers.1.*'])
  expect(toggleKept(table, [], { name: nameOf(3, 'q') })).toEqual(['model.layers.3.self_attn.q_proj'])
})

it('takes one of a kind out again, and the rest stays kept', () => {
  const rest = toggleKept(table, ['*.o_proj'], { name: nameOf(11, 'o') })
  expect(rest).toHaveLength(11)
  expect(keptNames(table, rest)).toEqual(
    new Set(matrices.filter(({ role, layer }) => role === 'o' && layer !== 11).map(({ name }) => name)),
  )
  expect(toggleKept(table, rest, { name: nameOf(11, 'o') })).toEqual(['*.o_proj'])
})

it('says any choice so that the patterns take it and nothing else', () => {
  const kept = new Set(['q', 'down'].flatMap((role) => [1, 10].map((layer) => nameOf(layer, role))))
  for (const { name, layer } of matrices) if (layer === 5) kept.add(name)
  const patterns = patternsOf(matrices, kept)
  expect(keptNames(table, patterns)).toEqual(kept)
  expect(patterns).toContain('model.layers.5.*')
})
