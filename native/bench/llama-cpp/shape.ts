/** Sizes of a Llama whose head is a matrix of its own. */
export interface Shape {
  hidden: number
  layers: number
  intermediate: number
  heads: number
  kvHeads: number
  vocabulary: number
  context: number
}

/** 0.95 B parameters: the shape that every figure of the comparison is about. */
export const SHAPE: Shape = {
  hidden: 2048,
  layers: 16,
  intermediate: 5632,
  heads: 16,
  kvHeads: 16,
  vocabulary: 32_000,
  context: 4096,
}

/** Where a change of the shape must not find models of another one. */
export function shapeName(shape: Shape): string {
  return Object.values(shape).join('-')
}
