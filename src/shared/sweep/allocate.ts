import { costOf, costOfChoices, type ErrorTable, type RecipeCost } from './error-table.ts'
import { KEPT_BITS, matches, type Choice } from './plan.ts'

export type AllocationLimits = {
  /** Bytes that the matrices may take together. */
  matrixBytes: number
  /** Widths that may be used; all tabulated ones when absent. */
  bits?: readonly number[] | undefined
  /** Sparsities that may be used; all tabulated ones when absent. */
  sparsities?: readonly number[] | undefined
  /** Patterns of matrices that stay at 16 bits. */
  keep?: readonly string[] | undefined
  /** Whether any other matrix may stay at 16 bits where that pays. */
  mayKeep?: boolean | undefined
  /** Every matrix of a layer gets the same. */
  sameInLayer?: boolean | undefined
}

export type Allocation = {
  /** One for each matrix of the table, in its order. */
  choices: Choice[]
  cost: RecipeCost
  /** No allocation under these limits has a smaller objective. */
  lowerBound: number
}

/** Matrices that are decided together, and what they cost at each choice: bytes rising, objective falling, convex. */
type Unit = { members: number[]; hull: Step[] }
type Step = { choice: Choice; sizeBytes: number; objective: number }

/** All that does not depend on the budget, so that a slider moves through budgets at no cost. */
export type Prepared = {
  table: ErrorTable
  units: Unit[]
  steps: { unit: number; to: number; bytes: number; gain: number }[]
  /** Bytes of the matrices at the smallest choices, and at those of the least error. */
  smallestBytes: number
  largestBytes: number
  /** Objective at the smallest choices. */
  objective: number
}

/** Undefined where some matrix may have nothing. */
export function prepareAllocation(
  table: ErrorTable,
  limits: Omit<AllocationLimits, 'matrixBytes'>,
): Prepared | undefined {
  const units = unitsOf(table, limits)
  if (units.some(({ hull }) => hull.length === 0)) return undefined
  const sum = (of: (unit: Unit) => number | undefined) => units.reduce((total, unit) => total + (of(unit) ?? 0), 0)
  return {
    table,
    units,
    steps: steepestFirst(units),
    smallestBytes: sum(({ hull }) => hull[0]?.sizeBytes),
    largestBytes: sum(({ hull }) => hull.at(-1)?.sizeBytes),
    objective: sum(({ hull }) => hull[0]?.objective),
  }
}

/** Undefined when not even the smallest choices fit. */
export function allocate(table: ErrorTable, limits: AllocationLimits): Allocation | undefined {
  const prepared = prepareAllocation(table, limits)
  return prepared && allocateWithin(prepared, limits.matrixBytes)
}

/**
 * The choice for each matrix with the least Σ F (w − ŵ)² within a size: a separable problem, relaxed to the lower
 * convex hull of each matrix's choices, on which taking the steep steps first is optimal (Lagrangian; Shoham & Gersho
 * 1988, doi 10.1109/29.90373). What the last steep step leaves is filled with the next ones that fit.
 * Undefined when not even the smallest choices fit.
 */
export function allocateWithin(
  { table, units, steps, smallestBytes, objective: start }: Prepared,
  matrixBytes: number,
): Allocation | undefined {
  let [bytes, objective] = [smallestBytes, start]
  if (bytes > matrixBytes) return undefined
  const at = units.map(() => 0)
  let lowerBound: number | undefined
  for (const step of steps) {
    // A step builds on the one before it of the same unit; after one that did not fit, the unit stays.
    if (at[step.unit] !== step.to - 1) continue
    if (bytes + step.bytes > matrixBytes) {
      // Taking the part of the step that fits is what no whole allocation can beat.
      lowerBound ??= objective - (step.gain * (matrixBytes - bytes)) / step.bytes
      continue
    }
    at[step.unit] = step.to
    bytes += step.bytes
    objective -= step.gain
  }
  const choices: Choice[] = []
  for (const [index, { members, hull }] of units.entries())
    for (const member of members) choices[member] = hull[at[index] ?? 0]?.choice ?? { bits: KEPT_BITS, sparsity: 0 }
  const cost = costOfChoices(table, choices)
  return cost && { choices, cost, lowerBound: Math.min(lowerBound ?? cost.objective, cost.objective) }
}

/** What the best allotments reach, from the smallest on: a corner for each step, so the whole front in one pass. */
export function allocationFront({ table, steps, smallestBytes, objective: start }: Prepared): RecipeCost[] {
  const weights = table.matrices.reduce((sum, matrix) => sum + matrix.weights, 0)
  let [bytes, objective] = [smallestBytes, start]
  const corner = (): RecipeCost => ({
    objective: Math.max(0, objective),
    sizeBytes: bytes + table.otherBytes,
    bitsPerWeight: (8 * bytes) / weights,
  })
  const front = [corner()]
  for (const step of steps) {
    bytes += step.bytes
    objective -= step.gain
    front.push(corner())
  }
  return front
}

function steepestFirst(units: readonly Unit[]): Prepared['steps'] {
  const steps = units.flatMap(({ hull }, unit) =>
    hull.slice(1).map((step, before) => {
      const from = hull[before] ?? step
      return { unit, to: before + 1, bytes: step.sizeBytes - from.sizeBytes, gain: from.objective - step.objective }
    }),
  )
  return steps.sort((a, b) => b.gain / b.bytes - a.gain / a.bytes || a.unit - b.unit || a.to - b.to)
}

function unitsOf(table: ErrorTable, limits: Omit<AllocationLimits, 'matrixBytes'>): Unit[] {
  const bits = table.bits.filter((width) => limits.bits?.includes(width) ?? true)
  const sparsities = table.sparsities.filter((sparsity) => limits.sparsities?.includes(sparsity) ?? true)
  const free = bits.flatMap((width) => sparsities.map((sparsity) => ({ bits: width, sparsity })))
  const kept: Choice = { bits: KEPT_BITS, sparsity: 0 }
  if (limits.mayKeep ?? true) free.push(kept)
  const groups = new Map<string, { members: number[]; choices: Choice[] }>()
  for (const [index, { name, layer }] of table.matrices.entries()) {
    const fixed = limits.keep?.some((pattern) => matches(pattern, name.replace(/\.weight$/, ''))) ?? false
    const key = fixed || !limits.sameInLayer ? `matrix ${index}` : `layer ${layer}`
    const group = groups.get(key) ?? { members: [], choices: fixed ? [kept] : free }
    group.members.push(index)
    groups.set(key, group)
  }
  return [...groups.values()].map(({ members, choices }) => ({
    members,
    hull: lowerHull(choices.flatMap((choice) => stepOf(table, members, choice) ?? [])),
  }))
}

function stepOf(table: ErrorTable, members: readonly number[], choice: Choice): Step | undefined {
  let [sizeBytes, objective] = [0, 0]
  for (const member of members) {
    const cost = costOf(table, member, choice)
    if (!cost) return undefined
    sizeBytes += cost.sizeBytes
    objective += cost.objective
  }
  return { choice, sizeBytes, objective }
}

/** The steps on the lower convex hull of objective over bytes, from the smallest to the one with least objective. */
export function lowerHull(steps: readonly Step[]): Step[] {
  const sorted = [...steps].sort((a, b) => a.sizeBytes - b.sizeBytes || a.objective - b.objective)
  const hull: Step[] = []
  for (const step of sorted) {
    const last = hull.at(-1)
    if (last && step.objective >= last.objective) continue
    while (hull.length >= 2) {
      const [a, b] = [hull[hull.length - 2] as Step, hull[hull.length - 1] as Step]
      const bends =
        (b.objective - a.objective) * (step.sizeBytes - a.sizeBytes) <
        (step.objective - a.objective) * (b.sizeBytes - a.sizeBytes)
      if (bends) break
      hull.pop()
    }
    hull.push(step)
  }
  return hull
}
