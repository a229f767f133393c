import type { MatrixErrors } from '../../../src/shared/contract/sidecar/sweep.ts'

export const WIDTHS = [2, 3, 4, 5, 6, 7, 8]
export const SPARSITIES = [0, 0.0002, 0.0005, 0.001, 0.002, 0.0045, 0.01, 0.02, 0.05]

type Matrix = { name: string; layer: number; role: string; rows: number; cols: number }

/** How much worse than the others a kind is, as down and o are in real models. */
const HARDNESS: Record<string, number> = { down: 6, o: 2.5, v: 4, k: 0.7, q: 0.6 }

/** Errors as clustering gives them: about a fourth with each bit, less where outliers are kept; layers differ. */
export function madeUpErrors({ name, layer, role, rows, cols }: Matrix): MatrixErrors {
  const weights = rows * cols
  const scale = 1.2e-7 * weights * (HARDNESS[role] ?? 1) * (1 + 2.5 * Math.exp(-layer / 2) + 0.3 * Math.sin(7 * layer))
  const cells = SPARSITIES.flatMap((sparsity) =>
    WIDTHS.map((bits) => ({
      bits,
      sparsity,
      objective: scale * 4.2 ** (2 - bits) * (0.35 + 0.65 / (1 + 160 * sparsity)),
      sizeBytes: Math.ceil((weights * bits) / 8) + rows * 2 ** bits * 2 + Math.round(weights * sparsity) * 4,
    })),
  )
  return { name, layer, role, weights, denseBytes: 2 * weights, cells }
}
