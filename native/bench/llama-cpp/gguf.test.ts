import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { writeGguf } from './gguf.ts'

const folder = mkdtempSync(join(tmpdir(), 'squeeze-gguf-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Odd sizes, so that some tensors need padding; a head of 10, two queries to a key. */
const shape = { hidden: 40, layers: 2, intermediate: 23, heads: 4, kvHeads: 2, vocabulary: 51, context: 64 }

/** A reader of its own, which knows as much of the format as the writer uses. */
function read(path: string) {
  const file = readFileSync(path)
  let at = 0
  const u32 = () => file.readUInt32LE((at += 4) - 4)
  const u64 = () => Number(file.readBigUInt64LE((at += 8) - 8))
  const text = () => {
    const length = u64()
    return file.toString('utf8', at, (at += length))
  }
  const magic = file.toString('latin1', 0, (at = 4))
  const [version, tensorCount, pairCount] = [u32(), u64(), u64()]
  const metadata: Record<string, string | number> = {}
  for (let i = 0; i < pairCount; i++) {
    const key = text()
    const type = u32()
    metadata[key] = type === 8 ? text() : type === 4 ? u32() : file.readFloatLE((at += 4) - 4)
  }
  const tensors = Array.from({ length: tensorCount }, () => {
    const name = text()
    const dimensions = Array.from({ length: u32() }, u64)
    return { name, dimensions, type: u32(), offset: u64() }
  })
  const start = Math.ceil(at / 32) * 32
  return { magic, version, metadata, tensors, data: file.subarray(start) }
}

test('is a Llama of the shape asked for, its tensors one behind the other and aligned', () => {
  const path = join(folder, 'tiny.gguf')
  writeGguf(path, shape)
  const { magic, version, metadata, tensors, data } = read(path)
  expect([magic, version]).toEqual(['GGUF', 3])
  expect(metadata).toMatchObject({
    'general.architecture': 'llama',
    'llama.embedding_length': 40,
    'llama.block_count': 2,
    'llama.attention.head_count_kv': 2,
    'llama.rope.dimension_count': 10,
  })
  const dimensions = Object.fromEntries(tensors.map((tensor) => [tensor.name, tensor.dimensions]))
  expect(tensors).toHaveLength(3 + 9 * shape.layers)
  expect(dimensions['blk.1.attn_k.weight']).toEqual([40, 20])
  expect(dimensions['blk.1.ffn_down.weight']).toEqual([23, 40])
  expect(dimensions['output.weight']).toEqual([40, 51])
  let end = 0
  for (const tensor of tensors) {
    expect(tensor.offset, tensor.name).toBe(Math.ceil(end / 32) * 32)
    end = tensor.offset + tensor.dimensions.reduce((a, b) => a * b, tensor.type === 0 ? 4 : 2)
  }
  expect(data).toHaveLength(Math.ceil(end / 32) * 32)
})

test('has norms of one and weights that keep activations finite', () => {
  const path = join(folder, 'values.gguf')
  writeGguf(path, shape)
  const { tensors, data } = read(path)
  for (const { name, type, offset, dimensions } of tensors) {
    const count = dimensions.reduce((a, b) => a * b)
    const values = Array.from({ length: count }, (_, i) =>
      type === 0 ? data.readFloatLE(offset + 4 * i) : halfValue(data.readUInt16LE(offset + 2 * i)),
    )
    if (type === 0) expect(new Set(values), name).toEqual(new Set([1]))
    else {
      const magnitudes = values.map(Math.abs)
      expect(Math.max(...magnitudes), name).toBeLessThan(1 / 32)
      expect(Math.min(...magnitudes), name).toBeGreaterThanOrEqual(1 / 128)
      expect(new Set(values.map(Math.sign)), name).toEqual(new Set([-1, 1]))
    }
  }
})

/** Of a normal number. */
function halfValue(bits: number): number {
  const exponent = (bits >> 10) & 31
  if (exponent === 0 || exponent === 31) return NaN
  return (bits & 0x8000 ? -1 : 1) * (1 + (bits & 1023) / 1024) * 2 ** (exponent - 15)
}
