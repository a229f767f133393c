/**
 * Writes a Llama of random weights as GGUF, version 3: its norms F32, all else F16. The layout is a header, key–value
 * pairs, the list of tensors, and their data, each tensor on a multiple of 32 bytes. Integers are little endian.
 */
import { closeSync, openSync, renameSync, writeSync } from 'node:fs'
import type { Shape } from './shape.ts'

const ALIGNMENT = 32
const CHUNK_BYTES = 1 << 24

type Value = string | { u32: number } | { f32: number }
type TensorType = 'F32' | 'F16'

/** Codes of the format. */
const VALUE = { u32: 4, f32: 6, string: 8 }
const TENSOR: Record<TensorType, { code: number; bytes: number }> = {
  F32: { code: 0, bytes: 4 },
  F16: { code: 1, bytes: 2 },
}

interface Tensor {
  name: string
  type: TensorType
  /** Fastest first: a matrix of N outputs and K inputs is [K, N]. */
  dimensions: number[]
}

export function writeGguf(path: string, shape: Shape): void {
  const unfinished = `${path}.partial`
  const file = openSync(unfinished, 'w')
  try {
    const tensors = tensorsOf(shape)
    writeSync(file, header(shape, tensors))
    const random = randomWeights()
    for (const tensor of tensors) writeData(file, tensor, random)
  } finally {
    closeSync(file)
  }
  renameSync(unfinished, path)
}

function metadata(shape: Shape): Record<string, Value> {
  return {
    'general.architecture': 'llama',
    'general.alignment': { u32: ALIGNMENT },
    'general.file_type': { u32: 1 },
    'llama.vocab_size': { u32: shape.vocabulary },
    'llama.context_length': { u32: shape.context },
    'llama.embedding_length': { u32: shape.hidden },
    'llama.block_count': { u32: shape.layers },
    'llama.feed_forward_length': { u32: shape.intermediate },
    'llama.attention.head_count': { u32: shape.heads },
    'llama.attention.head_count_kv': { u32: shape.kvHeads },
    'llama.attention.layer_norm_rms_epsilon': { f32: 1e-5 },
    'llama.rope.dimension_count': { u32: shape.hidden / shape.heads },
    'llama.rope.freq_base': { f32: 10_000 },
    // Speed is measured on token ids: there is no text to make them from.
    'tokenizer.ggml.model': 'no_vocab',
  }
}

function tensorsOf({ hidden, layers, intermediate, heads, kvHeads, vocabulary }: Shape): Tensor[] {
  const kv = (hidden / heads) * kvHeads
  const norm = (name: string): Tensor => ({ name: `${name}.weight`, type: 'F32', dimensions: [hidden] })
  const matrix = (name: string, inputs: number, outputs: number): Tensor => ({
    name: `${name}.weight`,
    type: 'F16',
    dimensions: [inputs, outputs],
  })
  const layer = (block: string) => [
    norm(`${block}.attn_norm`),
    matrix(`${block}.attn_q`, hidden, hidden),
    matrix(`${block}.attn_k`, hidden, kv),
    matrix(`${block}.attn_v`, hidden, kv),
    matrix(`${block}.attn_output`, hidden, hidden),
    norm(`${block}.ffn_norm`),
    matrix(`${block}.ffn_gate`, hidden, intermediate),
    matrix(`${block}.ffn_up`, hidden, intermediate),
    matrix(`${block}.ffn_down`, intermediate, hidden),
  ]
  return [
    matrix('token_embd', hidden, vocabulary),
    ...Array.from({ length: layers }, (_, i) => layer(`blk.${i}`)).flat(),
    norm('output_norm'),
    matrix('output', hidden, vocabulary),
  ]
}

function header(shape: Shape, tensors: Tensor[]): Buffer {
  const pairs = Object.entries(metadata(shape))
  const parts = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(pairs.length)]
  for (const [key, value] of pairs) parts.push(text(key), ...encode(value))
  let offset = 0
  for (const { name, type, dimensions } of tensors) {
    parts.push(text(name), u32(dimensions.length), ...dimensions.map(u64), u32(TENSOR[type].code), u64(offset))
    offset += aligned(sizeOf({ type, dimensions }))
  }
  const length = parts.reduce((sum, part) => sum + part.length, 0)
  return Buffer.concat(parts, aligned(length))
}

function encode(value: Value): Buffer[] {
  if (typeof value === 'string') return [u32(VALUE.string), text(value)]
  if ('u32' in value) return [u32(VALUE.u32), u32(value.u32)]
  const bytes = Buffer.alloc(4)
  bytes.writeFloatLE(value.f32)
  return [u32(VALUE.f32), bytes]
}

function writeData(file: number, tensor: Tensor, random: (chunk: Uint32Array) => void): void {
  const size = sizeOf(tensor)
  const chunk = Buffer.alloc(Math.min(aligned(size), CHUNK_BYTES))
  const words = new Uint32Array(chunk.buffer, chunk.byteOffset, chunk.length / 4)
  for (let written = 0; written < aligned(size); written += chunk.length) {
    if (tensor.type === 'F16') random(words)
    else new Float32Array(words.buffer, words.byteOffset, words.length).fill(1)
    writeSync(file, chunk, 0, Math.min(chunk.length, aligned(size) - written))
  }
}

/**
 * Fills with pairs of F16 by xorshift32. Sign, mantissa and the exponent's last bit are random: ±0.008..0.031, a root mean
 * square near 1/√2048, so that activations keep their size from layer to layer.
 */
function randomWeights(): (chunk: Uint32Array) => void {
  let state = 0x9e3779b9
  return (chunk) => {
    for (let i = 0; i < chunk.length; i++) {
      state ^= state << 13
      state ^= state >>> 17
      state ^= state << 5
      chunk[i] = (state & 0x87ff87ff) | 0x20002000
    }
  }
}

const sizeOf = ({ type, dimensions }: Omit<Tensor, 'name'>) => dimensions.reduce((a, b) => a * b, TENSOR[type].bytes)
const aligned = (bytes: number) => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(value))
  return bytes
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  return Buffer.concat([u64(bytes.length), bytes])
}
