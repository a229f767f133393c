import type { ErrorTable } from './error-table.ts'
import { matches } from './plan.ts'

/** All matrices of a kind, all of a layer, or one. */
export type Part = { role: string } | { layer: number } | { name: string }

type Matrix = { name: string; layer: number; role: string }
type Matrices = readonly Matrix[]

const bare = ({ name }: Matrix) => name.replace(/\.weight$/, '')

/** Names of the matrices that the patterns take. */
export function keptNames({ matrices }: { matrices: Matrices }, keep: readonly string[]): Set<string> {
  return new Set(
    matrices.filter((matrix) => keep.some((pattern) => matches(pattern, bare(matrix)))).map(({ name }) => name),
  )
}

export function isIn(part: Part, matrix: Matrix): boolean {
  if ('role' in part) return matrix.role === part.role
  return 'layer' in part ? matrix.layer === part.layer : matrix.name === part.name
}

/** Keeps all of a part, or none of it where all of it was kept; as patterns again. */
export function toggleKept(table: Pick<ErrorTable, 'matrices'>, keep: readonly string[], part: Part): string[] {
  const kept = keptNames(table, keep)
  const members = table.matrices.filter((matrix) => isIn(part, matrix))
  const wholly = members.every(({ name }) => kept.has(name))
  for (const { name } of members) {
    if (wholly) kept.delete(name)
    else kept.add(name)
  }
  return patternsOf(table.matrices, kept)
}

/** The shortest list that takes these and no others: whole kinds, then whole layers, then what is left by name. */
export function patternsOf(matrices: Matrices, kept: ReadonlySet<string>): string[] {
  const patterns: string[] = []
  const open = new Set(kept)
  const takeWhole = (members: Matrices, pattern: string) => {
    const whole = members.every(({ name }) => kept.has(name)) && members.some(({ name }) => open.has(name))
    const exact = matrices.every((matrix) => matches(pattern, bare(matrix)) === members.includes(matrix))
    if (!whole || !exact) return
    patterns.push(pattern)
    for (const { name } of members) open.delete(name)
  }
  for (const members of Map.groupBy(matrices, ({ role }) => role).values())
    if (members[0]) takeWhole(members, `*.${bare(members[0]).split('.').at(-1)}`)
  for (const [layer, members] of Map.groupBy(matrices, ({ layer }) => layer)) {
    const parts = members[0] ? bare(members[0]).split('.') : []
    takeWhole(members, `${parts.slice(0, parts.indexOf(String(layer)) + 1).join('.')}.*`)
  }
  return [...patterns, ...matrices.filter(({ name }) => open.has(name)).map(bare)]
}
