import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderWith } from '../../../test/fixtures/folders.ts'
import { readText } from './text-file.ts'

test('a plain file is taken as it is', async () => {
  const text = '\uFEFF Žluťoučký \r\n kůň\n'
  const folder = folderWith({ 'a.txt': text })
  expect(await readText(join(folder, 'a.txt'))).toEqual({
    text,
    sha256: createHash('sha256').update(Buffer.from(text)).digest('hex'),
    name: 'a.txt',
  })
})

test('JSON lines give their texts, an empty line apart', async () => {
  const folder = folderWith({ 'a.jsonl': '{"text":"one\\n","url":"x"}\n\n{"text":"two"}\n' })
  expect((await readText(join(folder, 'a.jsonl'))).text).toBe('one\n\n\ntwo')
})

test('a folder gives its text files in the order of their names', async () => {
  const folder = folderWith({
    'b.txt': 'two',
    'a.jsonl': '{"text":"one"}',
    'c.bin': 'no',
    '.hidden': 'no',
    'd/e.txt': 'no',
  })
  expect((await readText(folder)).text).toBe('one\n\ntwo')
})

test.each([
  ['empty.txt', ' \n', 'text-too-short', 'holds no text'],
  ['latin1.txt', Uint8Array.of(0x66, 0xfc, 0x72), 'file-malformed', 'is not UTF-8'],
  ['a.jsonl', '{"text":"x"}\n{', 'file-malformed', 'a.jsonl:2 is not JSON'],
  ['b.jsonl', '{"content":"x"}', 'file-malformed', 'b.jsonl:1 has no "text"'],
])('refuses %s', async (name, content, code, message) => {
  const reading = readText(join(folderWith({ [name]: content }), name))
  await expect(reading).rejects.toMatchObject({ info: { code, message: expect.stringContaining(message) } })
})

test('refuses what is not there, and a folder without text', async () => {
  const folder = folderWith({})
  await expect(readText(join(folder, 'no.txt'))).rejects.toMatchObject({ info: { code: 'file-not-found' } })
  await expect(readText(folder)).rejects.toMatchObject({ info: { code: 'text-too-short' } })
})
