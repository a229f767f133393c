import { Tokenizer as Library } from '@huggingface/tokenizers'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { wordCutter } from './word-cuts.ts'

test('cuts where no token has both neighbours', () => {
  const cut = wordCutter(['▁a', 'ab', 'e▁', '😀'])
  expect(cut('▁abcab')).toEqual(['▁ab', 'c', 'ab'])
  expect(cut('e▁a😀😀')).toEqual(['e▁a', '😀', '😀'])
  expect(cut('')).toEqual([])
})

/** A BPE vocabulary of the letters "a" to "c", "▁" and the merges, with the joined pieces as tokens. */
function library(merges: [string, string][], byteFallback: boolean): Library {
  const bytes = Array.from({ length: 256 }, (_, i) => `<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`)
  const tokens = ['<unk>', ...(byteFallback ? bytes : []), 'a', 'b', 'c', '▁', ...merges.map((pair) => pair.join(''))]
  const vocab = Object.fromEntries([...new Set(tokens)].map((token, id) => [token, id]))
  const model = { type: 'BPE', vocab, merges, unk_token: '<unk>', fuse_unk: true, byte_fallback: byteFallback }
  const none = { added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null }
  return new Library({ ...none, model }, {})
}

/** Merges of pieces that exist, in some order of rank. */
const someMerges = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 12 }).map((picks) => {
  const pieces = ['a', 'b', 'c', '▁']
  return picks.map(([i, j]): [string, string] => {
    const pair: [string, string] = [pieces[i % pieces.length] ?? '', pieces[j % pieces.length] ?? '']
    pieces.push(pair.join(''))
    return pair
  })
})
const someText = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '▁', '▁', 'ü', '😀'), maxLength: 40 })

test('never changes an id', () => {
  fc.assert(
    fc.property(someMerges, someText, fc.boolean(), (merges, text, byteFallback) => {
      const whole = library(merges, byteFallback)
      const cutting = library(merges, byteFallback)
      const cut = wordCutter(cutting.model?.vocab ?? [])
      cutting.pre_tokenizer = cut as unknown as typeof cutting.pre_tokenizer
      const ids = (tokenizer: Library): number[] => tokenizer.encode(text, { add_special_tokens: false }).ids
      expect(ids(cutting)).toEqual(ids(whole))
    }),
    { numRuns: 500 },
  )
})
