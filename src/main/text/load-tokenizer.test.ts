import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { folderWith } from '../../../test/fixtures/folders.ts'
import { loadTokenizer } from './index.ts'

const BPE = { type: 'BPE', vocab: { a: 0, b: 1, ab: 2, Ġ: 3, Ġa: 4 }, merges: ['a b', 'Ġ a'] }

describe('a folder without a tokenizer that can be used', () => {
  test.each([
    ['nothing', {}, 'tokenizer-missing', 'holds no tokenizer'],
    ['half of one', { 'vocab.json': { a: 0 } }, 'tokenizer-missing', 'holds no tokenizer'],
    ['not JSON', { 'tokenizer.json': '{' }, 'file-malformed', 'tokenizer.json is not valid JSON'],
    ['no model', { 'tokenizer.json': {} }, 'file-malformed', 'has no "model"'],
    ['an unknown kind', { 'tokenizer.json': { model: { type: 'Magic' } } }, 'tokenizer-unsupported', 'cannot be used'],
    [
      'a broken config',
      { 'tokenizer.json': { model: BPE }, 'tokenizer_config.json': '[' },
      'file-malformed',
      'tokenizer_config.json',
    ],
    [
      'a class whose words are not known',
      { 'vocab.json': { a: 0 }, 'merges.txt': '', 'tokenizer_config.json': { tokenizer_class: 'BloomTokenizer' } },
      'tokenizer-unsupported',
      'BloomTokenizer is not one of GPT2Tokenizer, Qwen2Tokenizer',
    ],
    [
      'merges of three',
      { 'vocab.json': { a: 0 }, 'merges.txt': '#version: 0.2\na b c\n', 'config.json': { model_type: 'gpt2' } },
      'file-malformed',
      'not two tokens: "a b c"',
    ],
  ])('%s', async (_, files, code, message) => {
    const failure = loadTokenizer(folderWith(files))
    await expect(failure).rejects.toMatchObject({ info: { code, message: expect.stringContaining(message) } })
  })
})

test('a vocabulary with its merges is byte-level BPE', async () => {
  const folder = folderWith({
    'vocab.json': { ...BPE.vocab, '<|endoftext|>': 5 },
    'merges.txt': '#version: 0.2\na b\nĠ a\n',
    'config.json': { model_type: 'gpt2', bos_token_id: 5, eos_token_id: [5] },
  })
  const tokenizer = await loadTokenizer(folder)
  expect([...tokenizer.encode('ab ab<|endoftext|>b')]).toEqual([2, 3, 2, 5, 1])
  expect(tokenizer.decode([2, 4, 5, 1])).toBe('ab ab')
  expect(tokenizer).toMatchObject({ bosId: 5, eosIds: [5], vocabularySize: 6, hasChatTemplate: false })
})

test('words are cut by Unicode’s idea of space', async () => {
  // A byte order mark is not a space (JavaScript says it is), so "a" after it begins no new word but that of letters.
  const bom = [...Buffer.from('\uFEFF')].map((byte) => ({ 0xef: 'ï', 0xbb: '»', 0xbf: '¿' })[byte] ?? '')
  const vocab = { ...BPE.vocab, ...Object.fromEntries(bom.map((token, i) => [token, 10 + i])), Ġï: 20 }
  const json = { pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false }, decoder: { type: 'ByteLevel' } }
  const model = { type: 'BPE', vocab, merges: ['Ġ ï'] }
  const tokenizer = await loadTokenizer(folderWith({ 'tokenizer.json': { ...json, model } }))
  expect([...tokenizer.encode('a \uFEFFa')]).toEqual([0, 20, 11, 12, 0])
})

test('tokens that only tokenizer_config.json adds are known', async () => {
  const config = { added_tokens_decoder: { 5: { content: '<end>', special: true } }, eos_token: '<end>' }
  const tokenizer = await loadTokenizer(
    folderWith({ 'tokenizer.json': { model: BPE }, 'tokenizer_config.json': config }),
  )
  expect([...tokenizer.encode('ab<end>')]).toEqual([2, 5])
  expect(tokenizer.eosIds).toEqual([5])
})

test('ids that no token has are left out', async () => {
  const tokenizer = await loadTokenizer(
    folderWith({ 'tokenizer.json': { model: BPE, decoder: { type: 'ByteLevel' } } }),
  )
  expect(tokenizer.decode([2, 77, 4])).toBe('ab a')
  expect(tokenizer.decode([])).toBe('')
})

test('a Llama vocabulary without bytes leaves out the characters that it lacks', async () => {
  const model = { type: 'BPE', vocab: { '<unk>': 0, a: 1, b: 2, ab: 3, '▁': 4 }, merges: ['a b'], unk_token: '<unk>' }
  const normalizer = { type: 'Replace', pattern: { String: ' ' }, content: '▁' }
  const files = { 'tokenizer.json': { model: { ...model, byte_fallback: true, fuse_unk: true }, normalizer } }
  const llama = await loadTokenizer(
    folderWith({ ...files, 'tokenizer_config.json': { tokenizer_class: 'LlamaTokenizer' } }),
  )
  expect([...llama.encode('a“b ”😀a')]).toEqual([3, 4, 1])
  const other = await loadTokenizer(folderWith(files))
  expect([...other.encode('a“b')]).toEqual([1, 0, 2])
})

test.skipIf(process.platform === 'win32')('a pipe instead of a tokenizer is refused, not waited for', async () => {
  const folder = folderWith({})
  execFileSync('mkfifo', [join(folder, 'tokenizer.json')])
  await expect(loadTokenizer(folder)).rejects.toMatchObject({ info: { code: 'file-unreadable' } })
})
