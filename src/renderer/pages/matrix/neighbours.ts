type Place = { name: string; layer: number; role: string }
export type Step = 'next-layer' | 'previous-layer' | 'next-role' | 'previous-role'

/** The matrix beside another: the same role in the next layer that has it, or the next role of the same layer. */
export function neighbourOf<P extends Place>(matrices: readonly P[], from: Place, step: Step): P | undefined {
  const forward = step === 'next-layer' || step === 'next-role'
  const sameLayer = step === 'next-role' || step === 'previous-role'
  const line = matrices.filter((each) => (sameLayer ? each.layer === from.layer : each.role === from.role))
  return line[line.findIndex(({ name }) => name === from.name) + (forward ? 1 : -1)]
}
