import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { folderWith, temporaryFolder } from '../../../test/fixtures/folders.ts'
import { writeTokens } from './token-file.ts'

test('writes a safetensors file with one int32 tensor', async () => {
  const folder = temporaryFolder()
  const path = join(folder, 'tokens.safetensors')
  await writeTokens(path, Int32Array.of(1, -2, 70000, 4, 5, 6), 2, 3)
  const file = readFileSync(path)
  const length = Number(file.readBigUInt64LE(0))
  expect(length % 8).toBe(0)
  const header = JSON.parse(file.subarray(8, 8 + length).toString())
  expect(header).toEqual({ tokens: { dtype: 'I32', shape: [2, 3], data_offsets: [0, 24] } })
  const values = Array.from({ length: 6 }, (_, i) => file.readInt32LE(8 + length + 4 * i))
  expect(values).toEqual([1, -2, 70000, 4, 5, 6])
  expect(file.length).toBe(8 + length + 24)
  expect(readdirSync(folder)).toEqual(['tokens.safetensors'])
})

test('a place that cannot be written is named', async () => {
  const folder = folderWith({ file: '' })
  const writing = writeTokens(join(folder, 'file', 'tokens.safetensors'), Int32Array.of(1), 1, 1)
  await expect(writing).rejects.toMatchObject({ info: { code: 'output-unwritable' } })
})
