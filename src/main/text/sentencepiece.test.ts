import { describe, expect, test } from 'vitest'
import { folderWith } from '../../../test/fixtures/folders.ts'
import { loadTokenizer } from './index.ts'

// A writer of the few fields that matter (sentencepiece_model.proto).
const field = (number: number, wire: number, ...bytes: number[]): number[] => [number * 8 + wire, ...bytes]
const message = (number: number, bytes: number[]): number[] => field(number, 2, ...varint(bytes.length), ...bytes)
const varint = (value: number): number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))]
const utf8 = (text: string): number[] => [...Buffer.from(text)]

function piece(text: string, score: number, type = 1): number[] {
  const float = [...new Uint8Array(new Float32Array([score]).buffer)]
  return message(1, [...message(1, utf8(text)), ...field(2, 5, ...float), ...field(3, 0, type)])
}

interface Options {
  modelType?: number
  normalizer?: number[]
  pieces?: number[][]
}

/** "▁ab" scores best; runs of "▁" tie, as Llama's do. */
function model({ modelType = 2, normalizer = field(4, 0, 0), pieces = [] }: Options = {}): Uint8Array {
  const control = [piece('<unk>', 0, 2), piece('<s>', 0, 3), piece('</s>', 0, 3)]
  const bytes = Array.from({ length: 256 }, (_, i) =>
    piece(`<0x${i.toString(16).toUpperCase().padStart(2, '0')}>`, 0, 6),
  )
  const normal = [
    piece('ab', -1),
    piece('▁ab', -2),
    piece('▁▁', -1e9),
    piece('▁▁▁', -1e9),
    ...['▁', 'a', 'b', 'c'].map((letter, i) => piece(letter, -10 - i)),
  ]
  const all = [...control, ...bytes, ...normal, ...pieces]
  return Uint8Array.from([...all.flat(), ...message(2, field(3, 0, modelType)), ...message(3, normalizer)])
}

const AB = 3 + 256

test('reads pieces, bytes, prefix space and control tokens', async () => {
  const tokenizer = await loadTokenizer(folderWith({ 'tokenizer.model': model() }))
  expect([...tokenizer.encode('ab')]).toEqual([AB + 1])
  expect([...tokenizer.encode('abab c', { addSpecial: true })]).toEqual([1, AB + 1, AB, AB + 4, AB + 7])
  // "é" is not in the vocabulary: its two bytes.
  expect([...tokenizer.encode('aé')]).toEqual([AB + 4, AB + 5, 3 + 0xc3, 3 + 0xa9])
  expect(tokenizer.decode(tokenizer.encode('ab  é c'))).toBe('ab  é c')
  expect(tokenizer).toMatchObject({ source: 'tokenizer.model', vocabularySize: AB + 8 })
  expect([...tokenizer.encode('')]).toEqual([])
})

test('of equally good merges the leftmost is made first', async () => {
  const tokenizer = await loadTokenizer(folderWith({ 'tokenizer.model': model() }))
  // Prefix and three spaces are four "▁": (▁▁)▁▁, then (▁▁▁)▁ before any pair to the right of it.
  expect([...tokenizer.encode('   c')]).toEqual([AB + 3, AB + 4, AB + 7])
})

test('user-defined symbols are found before anything else', async () => {
  const tokenizer = await loadTokenizer(folderWith({ 'tokenizer.model': model({ pieces: [piece('bc', 0, 4)] }) }))
  const ids = [...tokenizer.encode('abc')]
  expect(ids).toEqual([AB + 4, AB + 5, AB + 8])
  expect(tokenizer.decode(ids)).toBe('abc')
})

test('extra spaces go where the model says so', async () => {
  const normalizer = field(4, 0, 1)
  const tokenizer = await loadTokenizer(folderWith({ 'tokenizer.model': model({ normalizer }) }))
  expect([...tokenizer.encode('  ab   ab ')]).toEqual([AB + 1, AB + 1])
})

test('a prefix space only before the first piece, where the checkpoint says so', async () => {
  const config = { legacy: false, bos_token: '<s>', eos_token: '</s>' }
  const tokenizer = await loadTokenizer(folderWith({ 'tokenizer.model': model(), 'tokenizer_config.json': config }))
  expect([...tokenizer.encode('ab</s>ab')]).toEqual([AB + 1, 2, AB])
})

describe('what is not read is refused with the reason', () => {
  test.each([
    ['unigram', model({ modelType: 1 }), 'tokenizer-unsupported', 'of type unigram; only BPE is read'],
    [
      'its own normalization',
      model({ normalizer: message(2, [1, 2, 3]) }),
      'tokenizer-unsupported',
      'a table of its own',
    ],
    ['unused pieces', model({ pieces: [piece('x', 0, 5)] }), 'tokenizer-unsupported', 'unused pieces'],
    ['a cut file', model().subarray(0, 500), 'file-malformed', 'is not a SentencePiece model'],
    ['another file', Buffer.from('{"not": "protobuf"}'), 'file-malformed', 'is not a SentencePiece model'],
    ['an empty file', new Uint8Array(), 'file-malformed', 'it lists no pieces'],
  ])('%s', async (_, bytes, code, message) => {
    const failure = loadTokenizer(folderWith({ 'tokenizer.model': bytes }))
    await expect(failure).rejects.toMatchObject({ info: { code, message: expect.stringContaining(message) } })
  })
})
