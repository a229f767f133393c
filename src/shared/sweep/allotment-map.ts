import { heatmapScene } from '../charts/heatmap.ts'
import type { Scene } from '../charts/scene.ts'
import { viridis } from '../charts/viridis.ts'
import { percent } from '../units.ts'
import type { ErrorTable } from './error-table.ts'
import { KEPT_BITS, type Choice } from './plan.ts'

/** Not on the scale: what stays at 16 bits is not squeezed at all. */
const KEPT_COLOUR = '#f2f4f7'
const DARKEST = 0.12

/** Dark for few bits, bright for many, over the widths that the table has. */
export function bitsColour({ bits: widths }: Pick<ErrorTable, 'bits'>, bits: number): string {
  if (bits === KEPT_BITS) return KEPT_COLOUR
  const [low, high] = [Math.min(...widths), Math.max(...widths)]
  return viridis(DARKEST + (1 - DARKEST) * (high > low ? (bits - low) / (high - low) : 0))
}

/** "4", or "4 + 0.1 %" where some weights are kept exactly. */
export function choiceWords({ bits, sparsity }: Choice): string {
  return sparsity > 0 ? `${bits} + ${percent(sparsity)}` : String(bits)
}

/** What each matrix gets, as a picture. */
export function allotmentScene(table: ErrorTable, choices: readonly Choice[], about: string): Scene {
  const cells = table.matrices.flatMap(({ layer, role }, index) => {
    const choice = choices[index]
    return choice ? [{ layer, role, colour: bitsColour(table, choice.bits), text: choiceWords(choice) }] : []
  })
  return heatmapScene({
    label: `Bits of each matrix, ${about}`,
    title: `Bits of each matrix, + share kept exactly: ${about}`,
    cells,
    key: [...table.bits, KEPT_BITS].map((bits) => ({ colour: bitsColour(table, bits), text: `${bits} bits` })),
  })
}
