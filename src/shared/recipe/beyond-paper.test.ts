import { expect, it } from 'vitest'
import { beyondPaper, beyondPaperFields, beyondPaperWords } from './beyond-paper.ts'

it('knows a default from what leaves the paper', () => {
  expect(beyondPaper({})).toEqual([])
  expect(beyondPaper({ group: 0, share: 1, embeddingBits: 16 })).toEqual([])
  expect(beyondPaperFields({ share: 4, group: 0, headBits: 8 })).toEqual({ share: 4, headBits: 8 })
})

it('says it in words', () => {
  expect(beyondPaperWords({ share: 1 })).toEqual([])
  expect(beyondPaperWords({ share: 4 })).toEqual(['a codebook for 4 rows'])
  expect(beyondPaperWords({ group: 128 })).toEqual(['a codebook for 128 weights of a row'])
  expect(beyondPaperWords({ share: 4, group: 64, embeddingBits: 8, headBits: 4 })).toEqual([
    'a codebook for 4 rows, 64 weights of each',
    'embedding at 8 bits',
    'head at 4 bits',
  ])
})
