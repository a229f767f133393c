// Tier A: ids equal to the reference's, for real tokenizers.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect } from 'vitest'
import { folderOf } from '../../../test/fixtures/folders.ts'
import { shared, testWithShared } from '../../../test/fixtures/shared.ts'
import { loadTokenizer } from './index.ts'

/** llama.cpp's: strings separated by a line, and a line of ids for each. */
function vectors(name: string): { text: string; ids: number[] }[] {
  const read = (ending: string): string =>
    readFileSync(join(shared, 'tokenizers', 'vectors', `ggml-vocab-${name}.gguf.${ending}`), 'utf8')
  const texts = read('inp').split('\n__ggml_vocab_test__\n').slice(0, -1)
  const ids = read('out').split('\n').slice(0, -1)
  expect(ids.length).toBe(texts.length)
  return texts.map((text, i) => ({ text, ids: (ids[i] ?? '').split(' ').filter(Boolean).map(Number) }))
}

const FAMILIES = [
  { vector: 'llama-spm', folder: 'llama-2', files: ['tokenizer.json', 'tokenizer_config.json'] },
  { vector: 'llama-spm', folder: 'llama-2', files: ['tokenizer.model', 'tokenizer_config.json'] },
  { vector: 'llama-spm', folder: 'llama-2', files: ['tokenizer.model'] },
  { vector: 'llama-bpe', folder: 'llama-3', files: ['tokenizer.json', 'tokenizer_config.json'] },
  { vector: 'qwen2', folder: 'qwen2.5', files: ['tokenizer.json', 'tokenizer_config.json'] },
  { vector: 'gpt-2', folder: 'gpt2', files: ['tokenizer.json', 'tokenizer_config.json'] },
  { vector: 'gpt-2', folder: 'gpt2', files: ['vocab.json', 'merges.txt', 'config.json'] },
]

describe('the vectors of llama.cpp', () => {
  for (const { vector, folder, files } of FAMILIES) {
    const paths = files.map((file) => join('tokenizers', folder, file))
    testWithShared(`${vector} by ${files.join(' + ')}`, [...paths, 'tokenizers/vectors'], async () => {
      const tokenizer = await loadTokenizer(folderOf(...paths.map((path) => join(shared, path))))
      for (const { text, ids } of vectors(vector)) {
        expect([...tokenizer.encode(text)], JSON.stringify(text)).toEqual(ids)
        expect(tokenizer.decode(ids, { skipSpecial: false }), JSON.stringify(text)).toBe(text)
      }
    })
  }
})

describe('the ids that the reference values were made with', () => {
  for (const model of ['TinyStories-656K', 'stories15M', 'stories260K', 'tiny1m']) {
    const golden = join('golden', 'real', `${model}.json`)
    testWithShared(model, [golden, join('models', model), 'text/tinystories-sample.txt'], async () => {
      const info = JSON.parse(readFileSync(join(shared, golden), 'utf8'))
      const text = readFileSync(join(shared, 'text', 'tinystories-sample.txt'), 'utf8').slice(0, 400_000)
      expect(createHash('sha256').update(text).digest('hex')).toBe(info.text_sha256)
      const ids = (await loadTokenizer(join(shared, 'models', model))).encode(text)
      expect([...ids.slice(0, 16)]).toEqual(info.perplexity_first_ids)
    })
  }
})

testWithShared('the golden tokens of the first windows, every one', ['golden/real', 'models'], async () => {
  for (const model of ['TinyStories-656K', 'stories15M', 'stories260K', 'tiny1m']) {
    const file = readFileSync(join(shared, 'golden', 'real', `${model}.safetensors`))
    const headerLength = Number(file.readBigUInt64LE(0))
    const { tokens } = JSON.parse(file.subarray(8, 8 + headerLength).toString())
    const [from, to] = tokens.data_offsets.map((offset: number) => 8 + headerLength + offset)
    const golden = new Int32Array(new Uint8Array(file.subarray(from, to)).buffer)
    const text = readFileSync(join(shared, 'text', 'tinystories-sample.txt'), 'utf8').slice(0, 20_000)
    const ids = (await loadTokenizer(join(shared, 'models', model))).encode(text)
    expect(golden.length, model).toBeGreaterThan(500)
    expect(ids.slice(0, golden.length), model).toEqual(golden)
  }
})

testWithShared(
  'a long text by SentencePiece has the ids of the tokenizer.json',
  ['tokenizers/llama-2', 'text'],
  async () => {
    const folder = join(shared, 'tokenizers', 'llama-2')
    const text = readFileSync(join(shared, 'text', 'wikitext2-test.txt'), 'utf8').slice(0, 300_000)
    const byJson = (await loadTokenizer(folder)).encode(text)
    const byModel = (await loadTokenizer(folderOf(join(folder, 'tokenizer.model')))).encode(text)
    expect(byModel).toEqual(byJson)
  },
)

describe('special tokens', () => {
  testWithShared('Llama-2 puts its BOS before a text where asked to', ['tokenizers/llama-2'], async () => {
    for (const folder of [
      join(shared, 'tokenizers', 'llama-2'),
      folderOf(join(shared, 'tokenizers', 'llama-2', 'tokenizer.model')),
    ]) {
      const tokenizer = await loadTokenizer(folder)
      expect([...tokenizer.encode('Hello', { addSpecial: true })]).toEqual([1, 15043])
      expect([...tokenizer.encode('Hello')]).toEqual([15043])
      // Written out in a conversation, wherever it stands.
      expect([...tokenizer.encode('Hello</s><s>Hello')]).toEqual([15043, 2, 1, 15043])
      expect(tokenizer.decode([1, 15043, 2])).toBe('Hello')
      expect(tokenizer.decode([1, 15043, 2], { skipSpecial: false })).toBe('<s> Hello</s>')
    }
  })

  testWithShared('OPT begins with </s>, id 2', ['tokenizers/opt'], async () => {
    const tokenizer = await loadTokenizer(join(shared, 'tokenizers', 'opt'))
    expect(tokenizer).toMatchObject({
      bosId: 2,
      eosIds: [2],
      vocabularySize: 50265,
      source: 'vocab.json and merges.txt',
    })
    // "Hello world" as transformers' documentation of OPT gives it.
    expect([...tokenizer.encode('Hello world', { addSpecial: true })]).toEqual([2, 31414, 232])
  })

  testWithShared('GPT-2 and Qwen2.5 put nothing before a text', ['tokenizers/gpt2', 'tokenizers/qwen2.5'], async () => {
    const gpt2 = await loadTokenizer(join(shared, 'tokenizers', 'gpt2'))
    expect([...gpt2.encode('Hello world', { addSpecial: true })]).toEqual([15496, 995])
    expect(gpt2).toMatchObject({ bosId: 50256, eosIds: [50256] })
    const qwen = await loadTokenizer(join(shared, 'tokenizers', 'qwen2.5'))
    expect(qwen.bosId).toBeUndefined()
    expect([...qwen.encode('<|im_start|>user')]).toEqual([151644, 872])
  })
})
