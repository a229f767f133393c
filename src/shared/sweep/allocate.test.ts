import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { MatrixErrors } from '../contract/sidecar/sweep.ts'
import { allocate, lowerHull } from './allocate.ts'
import { costOfChoices, makeErrorTable, type ErrorTable } from './error-table.ts'
import { matches, type Choice } from './plan.ts'

const BITS = [2, 3, 4]

/** Errors that fall by about the factor of each width, as clustering does, with a spread of their own. */
function tableOf(sizes: readonly { weights: number; errors: readonly number[] }[]): ErrorTable {
  const matrices = sizes.map(({ weights, errors }, index): MatrixErrors => ({
    name: `model.layers.${index >> 1}.${index % 2 ? 'up' : 'q'}.weight`,
    layer: index >> 1,
    role: index % 2 ? 'up' : 'q',
    weights,
    denseBytes: 2 * weights,
    cells: BITS.map((bits, place) => ({
      bits,
      sparsity: 0,
      objective: errors[place] ?? 0,
      sizeBytes: (weights * bits) / 8 + 10,
    })),
  }))
  return makeErrorTable(matrices, 1000)
}

const anyTable = fc
  .array(
    fc.record({
      weights: fc.integer({ min: 8, max: 4000 }).map((count) => 8 * count),
      errors: fc.tuple(
        fc.double({ min: 5, max: 100, noNaN: true }),
        fc.double({ min: 1, max: 60, noNaN: true }),
        fc.double({ min: 0, max: 20, noNaN: true }),
      ),
    }),
    { minLength: 1, maxLength: 5 },
  )
  .map(tableOf)

/** Every allocation there is. */
function everyAllocation(table: ErrorTable, matrixBytes: number): { choices: Choice[]; objective: number }[] {
  const each: Choice[] = [...BITS.map((bits) => ({ bits, sparsity: 0 })), { bits: 16, sparsity: 0 }]
  let all: Choice[][] = [[]]
  for (const _ of table.matrices) all = all.flatMap((before) => each.map((choice) => [...before, choice]))
  return all.flatMap((choices) => {
    const cost = costOfChoices(table, choices)
    return cost && cost.sizeBytes - table.otherBytes <= matrixBytes ? [{ choices, objective: cost.objective }] : []
  })
}

describe('allocate', () => {
  it('keeps to the budget, lies above its bound, and the bound below the best there is', () => {
    fc.assert(
      fc.property(anyTable, fc.double({ min: 0.15, max: 2.2, noNaN: true }), (table, perWeight) => {
        const matrixBytes = perWeight * table.matrices.reduce((sum, { weights }) => sum + weights, 0)
        const found = allocate(table, { matrixBytes })
        const all = everyAllocation(table, matrixBytes)
        if (!found) {
          expect(all).toHaveLength(0)
          return
        }
        const best = Math.min(...all.map(({ objective }) => objective))
        expect(found.cost.sizeBytes - table.otherBytes).toBeLessThanOrEqual(matrixBytes)
        expect(found.lowerBound).toBeLessThanOrEqual(best * (1 + 1e-9) + 1e-9)
        expect(found.cost.objective).toBeGreaterThanOrEqual(best * (1 - 1e-9) - 1e-9)
      }),
      { numRuns: 200 },
    )
  })

  it('gives the bits to the matrix that gains more by them', () => {
    const table = tableOf([
      { weights: 800, errors: [10, 9, 8] },
      { weights: 800, errors: [100, 20, 5] },
    ])
    const found = allocate(table, { matrixBytes: 200 + 400 + 20, mayKeep: false })
    expect(found?.choices.map(({ bits }) => bits)).toEqual([2, 4])
    expect(found?.cost.objective).toBe(15)
  })

  it('holds to what is asked: allowed bits, kept matrices, equal layers', () => {
    const table = tableOf([
      { weights: 800, errors: [10, 5, 2] },
      { weights: 800, errors: [100, 20, 5] },
      { weights: 800, errors: [10, 9, 8] },
      { weights: 800, errors: [50, 20, 5] },
    ])
    const only = allocate(table, { matrixBytes: 4000, bits: [3], mayKeep: false })
    expect(only?.choices.map(({ bits }) => bits)).toEqual([3, 3, 3, 3])
    const kept = allocate(table, { matrixBytes: 4020, keep: ['*.q'], mayKeep: false })
    expect(kept?.choices.map(({ bits }) => bits)).toEqual([16, 4, 16, 4])
    const equal = allocate(table, { matrixBytes: 1240, sameInLayer: true, mayKeep: false })
    const bits = equal?.choices.map((choice) => choice.bits) ?? []
    expect(bits[0]).toBe(bits[1])
    expect(bits[2]).toBe(bits[3])
    expect(allocate(table, { matrixBytes: 700 })).toBeUndefined()
  })

  it('keeps every limit at once, whatever the table and the budget, and is no better for it', () => {
    const limits = fc.record({
      bits: fc.subarray(BITS, { minLength: 1 }),
      keep: fc.subarray(['*.q', '*.0.*', '*.up'], { maxLength: 2 }),
      sameInLayer: fc.boolean(),
      mayKeep: fc.boolean(),
    })
    fc.assert(
      fc.property(anyTable, limits, fc.double({ min: 0.15, max: 2.2, noNaN: true }), (table, asked, perWeight) => {
        const matrixBytes = perWeight * table.matrices.reduce((sum, { weights }) => sum + weights, 0)
        const found = allocate(table, { ...asked, matrixBytes })
        if (!found) return
        expect(found.cost.sizeBytes - table.otherBytes).toBeLessThanOrEqual(matrixBytes)
        const isKept = (name: string) => asked.keep.some((pattern) => matches(pattern, name.replace(/\.weight$/, '')))
        const ofLayer = new Map<number, Choice>()
        for (const [index, { name, layer }] of table.matrices.entries()) {
          const choice = found.choices[index] ?? { bits: NaN, sparsity: NaN }
          if (isKept(name)) {
            expect(choice.bits).toBe(16)
            continue
          }
          expect([...asked.bits, ...(asked.mayKeep ? [16] : [])]).toContain(choice.bits)
          if (asked.sameInLayer) expect(choice).toEqual(ofLayer.get(layer) ?? choice)
          ofLayer.set(layer, choice)
        }
        const free = allocate(table, { matrixBytes })
        expect(free?.lowerBound).toBeLessThanOrEqual(found.cost.objective * (1 + 1e-9) + 1e-9)
      }),
      { numRuns: 300 },
    )
  })

  it('lies above the best there is under limits, and its bound below', () => {
    fc.assert(
      fc.property(anyTable, fc.double({ min: 0.2, max: 0.6, noNaN: true }), (table, perWeight) => {
        const matrixBytes = perWeight * table.matrices.reduce((sum, { weights }) => sum + weights, 0)
        const found = allocate(table, { matrixBytes, bits: [2, 4], mayKeep: false })
        const allowed = everyAllocation(table, matrixBytes).filter(({ choices }) =>
          choices.every(({ bits }) => bits === 2 || bits === 4),
        )
        expect(found === undefined).toBe(allowed.length === 0)
        if (!found) return
        const best = Math.min(...allowed.map(({ objective }) => objective))
        expect(found.lowerBound).toBeLessThanOrEqual(best * (1 + 1e-9) + 1e-9)
        expect(found.cost.objective).toBeGreaterThanOrEqual(best * (1 - 1e-9) - 1e-9)
      }),
      { numRuns: 200 },
    )
  })

  it('takes sparsities as they are allowed', () => {
    const cells = [2, 3].flatMap((bits) =>
      [0, 0.01].map((sparsity) => ({
        bits,
        sparsity,
        objective: 4 ** -bits * (1 - 50 * sparsity),
        sizeBytes: 100 * bits + 1000 * sparsity,
      })),
    )
    const matrix = { name: 'a.weight', layer: 0, role: 'q', weights: 800, denseBytes: 1600, cells }
    const table = makeErrorTable([matrix], 0)
    expect(allocate(table, { matrixBytes: 310, mayKeep: false })?.choices).toEqual([{ bits: 3, sparsity: 0.01 }])
    const dense = allocate(table, { matrixBytes: 310, mayKeep: false, sparsities: [0] })
    expect(dense?.choices).toEqual([{ bits: 3, sparsity: 0 }])
  })

  it('knows the corners of a hull', () => {
    const step = (sizeBytes: number, objective: number) => ({ choice: { bits: 2, sparsity: 0 }, sizeBytes, objective })
    const hull = lowerHull([step(1, 10), step(2, 9), step(3, 2), step(4, 3), step(5, 1), step(1, 11)])
    expect(hull.map(({ sizeBytes }) => sizeBytes)).toEqual([1, 3, 5])
  })
})

describe('matches', () => {
  it('reads patterns as the sidecar does', () => {
    expect(matches('*', '')).toBe(true)
    expect(matches('*.down_proj', 'model.layers.0.mlp.down_proj')).toBe(true)
    expect(matches('*.down', 'model.layers.0.mlp.down_proj')).toBe(false)
    expect(matches('model.layers.?.*', 'model.layers.12.mlp.up_proj')).toBe(false)
    expect(matches('*a*b*', 'xaayybz')).toBe(true)
    expect(matches('*a*b', 'ab_')).toBe(false)
    expect(matches('', 'a')).toBe(false)
    expect(matches('a*', 'a*b')).toBe(true)
  })
})
