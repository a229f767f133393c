import { join } from 'node:path'
import { copyFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { folderOf, folderWith } from '../../../test/fixtures/folders.ts'
import { shared, testWithShared } from '../../../test/fixtures/shared.ts'
import { loadTokenizer, type ChatMessage } from './index.ts'

const conversation: ChatMessage[] = [
  { role: 'system', content: 'Be brief.' },
  { role: 'user', content: 'Hi! ' },
  { role: 'assistant', content: 'Hello.' },
  { role: 'user', content: 'Why?' },
]

// Written down from the templates, by hand.
describe('the templates of real models', () => {
  testWithShared('Llama 3', ['tokenizers/llama-3'], async () => {
    const tokenizer = await loadTokenizer(join(shared, 'tokenizers', 'llama-3'))
    const text = tokenizer.applyChat(conversation)
    expect(text).toBe(
      '<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>' +
        '<|start_header_id|>user<|end_header_id|>\n\nHi!<|eot_id|>' +
        '<|start_header_id|>assistant<|end_header_id|>\n\nHello.<|eot_id|>' +
        '<|start_header_id|>user<|end_header_id|>\n\nWhy?<|eot_id|>' +
        '<|start_header_id|>assistant<|end_header_id|>\n\n',
    )
    const ids = tokenizer.encode(text)
    expect([...ids.slice(0, 4)]).toEqual([128000, 128006, 9125, 128007])
    expect(tokenizer.eosIds).toEqual([128009])
    expect(tokenizer.applyChat(conversation.slice(1, 2), { addGenerationPrompt: false })).toBe(
      '<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\nHi!<|eot_id|>',
    )
  })

  testWithShared('Qwen2.5', ['tokenizers/qwen2.5'], async () => {
    const tokenizer = await loadTokenizer(join(shared, 'tokenizers', 'qwen2.5'))
    expect(tokenizer.applyChat(conversation)).toBe(
      '<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi! <|im_end|>\n' +
        '<|im_start|>assistant\nHello.<|im_end|>\n<|im_start|>user\nWhy?<|im_end|>\n<|im_start|>assistant\n',
    )
    expect(tokenizer.applyChat(conversation.slice(3), { addGenerationPrompt: false })).toBe(
      '<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a helpful assistant.<|im_end|>\n' +
        '<|im_start|>user\nWhy?<|im_end|>\n',
    )
  })

  testWithShared('Mistral, its template in a file of its own', ['tokenizers/mistral-v0.1'], async () => {
    const from = join(shared, 'tokenizers', 'mistral-v0.1')
    const folder = folderOf(join(from, 'tokenizer.model'), join(from, 'tokenizer_config.json'))
    copyFileSync(join(from, 'chat_template_v1.jinja'), join(folder, 'chat_template.jinja'))
    const tokenizer = await loadTokenizer(folder)
    const text = tokenizer.applyChat(conversation)
    expect(text).toBe('<s>[INST] Be brief.\n\nHi!  [/INST]Hello.</s>[INST] Why? [/INST]')
    expect([...tokenizer.encode(text)].filter((id) => id < 3)).toEqual([1, 2])
    expect(() => tokenizer.applyChat(conversation.slice(2))).toThrow(
      expect.objectContaining({
        info: expect.objectContaining({
          code: 'invalid-request',
          message: expect.stringContaining('must start with a user'),
        }),
      }),
    )
  })
})

const tokenizerJson = { model: { type: 'BPE', vocab: { a: 0, '<s>': 1 }, merges: [] } }

test('one of several templates is the default', async () => {
  const chat_template = [
    { name: 'tool_use', template: 'no' },
    { name: 'default', template: '{{ bos_token }}{% for m in messages %}{{ m.role }}:{{ m.content }};{% endfor %}' },
  ]
  const config = { chat_template, bos_token: { content: '<s>' } }
  const folder = folderWith({ 'tokenizer.json': tokenizerJson, 'tokenizer_config.json': config })
  expect((await loadTokenizer(folder)).applyChat([{ role: 'user', content: 'a' }])).toBe('<s>user:a;')
})

test('no template is said so', async () => {
  const tokenizer = await loadTokenizer(folderWith({ 'tokenizer.json': tokenizerJson }))
  expect(tokenizer.hasChatTemplate).toBe(false)
  expect(() => tokenizer.applyChat([])).toThrow('no chat template')
})

test('a broken template is said so', async () => {
  const config = { chat_template: '{% for %}' }
  const tokenizer = await loadTokenizer(
    folderWith({ 'tokenizer.json': tokenizerJson, 'tokenizer_config.json': config }),
  )
  expect(() => tokenizer.applyChat([])).toThrow('The chat template cannot be read')
})
