import { open, rename, rm } from 'node:fs/promises'
import { endianness } from 'node:os'
import { fail } from '../../shared/contract/studio-error.ts'

/**
 * Writes `tokens` as the sidecar reads them: a safetensors file with one tensor "tokens", int32 [rows, cols]. The file
 * appears under its name when it is whole.
 */
export async function writeTokens(path: string, tokens: Int32Array, rows: number, cols: number): Promise<void> {
  if (tokens.length !== rows * cols) throw new RangeError(`${tokens.length} tokens are not ${rows} rows of ${cols}.`)
  if (endianness() !== 'LE') throw new Error('safetensors are little-endian; this machine is not.')
  const header = JSON.stringify({ tokens: { dtype: 'I32', shape: [rows, cols], data_offsets: [0, tokens.byteLength] } })
  const padded = Buffer.from(header.padEnd(Math.ceil(header.length / 8) * 8))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(padded.length))
  const unfinished = `${path}.${process.pid}.partial`
  try {
    const file = await open(unfinished, 'w')
    try {
      await file.writev([length, padded, Buffer.from(tokens.buffer, tokens.byteOffset, tokens.byteLength)])
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(unfinished, path)
  } catch (error) {
    await rm(unfinished, { force: true }).catch(() => {})
    const { code, message } = error as NodeJS.ErrnoException
    throw fail(
      code === 'ENOSPC' ? 'disk-full' : 'output-unwritable',
      `${path} cannot be written: ${message}`,
      {},
      error,
    )
  }
}
