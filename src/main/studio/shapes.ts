import type { ModelShape } from '../../shared/contract/sidecar/synthesis.ts'

/** Shapes to measure speed with, by their parameters, about; a vocabulary of 32,000 and 4,096 positions each. */
export const SHAPES: Record<string, ModelShape> = {
  // 0.13 B: small enough for a test by hand.
  '0.1b': shape({ hidden: 768, layers: 12, intermediate: 2048, heads: 12, kvHeads: 12 }),
  // 0.37 B.
  '0.4b': shape({ hidden: 1024, layers: 24, intermediate: 2816, heads: 16, kvHeads: 16 }),
  // 0.95 B: TinyLlama's widths, 16 layers, 16 heads of 128.
  '1b': shape({ hidden: 2048, layers: 16, intermediate: 5632, heads: 16, kvHeads: 16 }),
  // 3.02 B: the layers of Llama 3.2 3B, three queries to a key.
  '3b': shape({ hidden: 3072, layers: 28, intermediate: 8192, heads: 24, kvHeads: 8 }),
  // 6.74 B: Llama 2 7B.
  '7b': shape({ hidden: 4096, layers: 32, intermediate: 11_008, heads: 32, kvHeads: 32 }),
}

function shape(sizes: Omit<ModelShape, 'vocabulary' | 'context'>): ModelShape {
  return { ...sizes, vocabulary: 32_000, context: 4096 }
}
