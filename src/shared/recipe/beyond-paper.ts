import type { Recipe } from '../contract/sidecar/quantization.ts'

type BeyondPaper = Required<Pick<Recipe, 'group' | 'share' | 'embeddingBits' | 'headBits' | 'refine'>>

/** What holds where a recipe is silent: one codebook a row, as clustered; embedding and head as they are. */
export const PAPER_FIELDS: BeyondPaper = { group: 0, share: 1, embeddingBits: 16, headBits: 16, refine: 0 }

const NAMES = ['group', 'share', 'embeddingBits', 'headBits', 'refine'] as const

/** The fields in which a recipe leaves the paper's, in a fixed order; a silent one and its default say the same. */
export function beyondPaper(recipe: Partial<BeyondPaper>): [name: keyof BeyondPaper, value: number][] {
  return NAMES.flatMap((name) => {
    const value = recipe[name] ?? PAPER_FIELDS[name]
    return value === PAPER_FIELDS[name] ? [] : [[name, value]]
  })
}

/** The fields without those that only say the default, as they go into a recipe. */
export const beyondPaperFields = (fields: Partial<BeyondPaper>): Partial<BeyondPaper> =>
  Object.fromEntries(beyondPaper(fields))

/** ["a codebook for 4 rows", "embedding at 8 bits"] */
export function beyondPaperWords(recipe: Partial<BeyondPaper>): string[] {
  const { group, share, embeddingBits, headBits, refine } = {
    ...PAPER_FIELDS,
    ...Object.fromEntries(beyondPaper(recipe)),
  }
  const rows = share > 1 ? `${share} rows` : ''
  const weights = group > 0 ? `${group} weights of ${share > 1 ? 'each' : 'a row'}` : ''
  const outside = (what: string, width: number) => (width === PAPER_FIELDS.headBits ? [] : [`${what} at ${width} bits`])
  return [
    ...(rows || weights ? [`a codebook for ${[rows, weights].filter(Boolean).join(', ')}`] : []),
    ...outside('embedding', embeddingBits),
    ...outside('head', headBits),
    ...(refine > 0 ? [`refined in ${refine} ${refine === 1 ? 'step' : 'steps'}`] : []),
  ]
}
