import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { shared, testWithShared } from '../../../test/fixtures/shared.ts'
import { loadTokenizer, streamDecoder, type Tokenizer } from './index.ts'

const TEXT = ' this is 🦙.cpp — „żółw“ 😶‍🌫️\n\n  two  spaces, កាន់តែ, 3.5 €!'

/** What comes out, one push a part. */
function stream(tokenizer: Tokenizer, parts: ArrayLike<number>[], after?: ArrayLike<number>): string[] {
  const decoder = streamDecoder(tokenizer, after)
  return [...parts.map((part) => decoder.push(part)), decoder.end()]
}

const each = (ids: ArrayLike<number>): number[][] => Array.from(ids, (id) => [id])

function checkStreams(tokenizer: Tokenizer): void {
  const ids = tokenizer.encode(TEXT)
  const whole = tokenizer.decode(ids)
  const single = stream(tokenizer, each(ids))
  expect(single.join('')).toBe(whole)
  for (const part of single) expect(part).not.toContain('\uFFFD')
  for (let cut = 1; cut < ids.length; cut++) {
    expect(stream(tokenizer, [ids.slice(0, cut), ids.slice(cut)]).join('')).toBe(whole)
  }
}

describe('the parts are the whole', () => {
  for (const folder of [
    'tokenizers/llama-2',
    'tokenizers/llama-3',
    'tokenizers/qwen2.5',
    'tokenizers/opt',
    'models/tiny1m',
  ]) {
    testWithShared(folder, [folder], async () => checkStreams(await loadTokenizer(join(shared, folder))))
  }

  test('the sample', async () => {
    const root = dirname(dirname(dirname(dirname(fileURLToPath(import.meta.url)))))
    checkStreams(await loadTokenizer(join(root, 'resources', 'sample')))
  })
})

testWithShared('an answer has no space before it, a continuation has', ['tokenizers/llama-2'], async () => {
  const tokenizer = await loadTokenizer(join(shared, 'tokenizers', 'llama-2'))
  const ids = tokenizer.encode('world')
  expect(stream(tokenizer, each(ids)).join('')).toBe('world')
  expect(stream(tokenizer, each(ids), tokenizer.encode('Hello')).join('')).toBe(' world')
})

testWithShared('broken bytes come out as such, and what follows is whole', ['tokenizers/llama-2'], async () => {
  const tokenizer = await loadTokenizer(join(shared, 'tokenizers', 'llama-2'))
  const byte = (value: number): number => value + 3
  const euro = [0xe2, 0x82, 0xac].map(byte)
  const broken = Array<number>(6).fill(byte(0xe2))
  const parts = stream(tokenizer, each([...broken, ...euro]))
  expect(parts.join('')).toBe('\uFFFD'.repeat(6) + '€')
  expect(stream(tokenizer, each([byte(0xe2), byte(0x82)])).join('')).toBe('\uFFFD')
})

testWithShared('a hundred thousand ids stream in linear time', ['tokenizers/llama-2', 'text'], async () => {
  const tokenizer = await loadTokenizer(join(shared, 'tokenizers', 'llama-2'))
  const text = readFileSync(join(shared, 'text', 'tinystories-sample.txt'), 'utf8').slice(0, 300_000)
  const ids = tokenizer.encode(text).slice(0, 50_000)
  expect(stream(tokenizer, each(ids)).join('')).toBe(tokenizer.decode(ids))
})
