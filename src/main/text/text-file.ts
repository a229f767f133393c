import { createHash } from 'node:crypto'
import { readdir, readFile, stat } from 'node:fs/promises'
import { basename, extname, join } from 'node:path'
import { fail } from '../../shared/contract/studio-error.ts'
import { isObject } from './tokenizer-config.ts'

export interface SourceText {
  text: string
  /** Of the text's UTF-8 bytes, hexadecimal: names the text whatever file it came from. */
  sha256: string
  /** For people: the file's or folder's name. */
  name: string
}

/** Of a folder, files that end so are read. */
export const TEXT_EXTENSIONS = ['.txt', '.text', '.md', '.raw', '.jsonl']
/** JavaScript's strings end at 512 MB. */
const LIMIT_BYTES = 256 * 1024 * 1024
/** Documents are joined as the papers join WikiText's: by an empty line. */
const BETWEEN_DOCUMENTS = '\n\n'

/**
 * Text for calibration or evaluation: a plain UTF-8 file as it is, a .jsonl with a "text" field in every line, or a
 * folder of such files in the order of their names. An empty one is refused.
 */
export async function readText(path: string): Promise<SourceText> {
  const files = await listFiles(path)
  const parts: string[] = []
  let total = 0
  for (const file of files) {
    const part = await readOne(file)
    total += part.length
    if (total > LIMIT_BYTES) {
      throw fail('invalid-request', `${path} holds more than 256 MB of text.`, { hint: 'Take a part of it.' })
    }
    parts.push(part)
  }
  const text = parts.join(BETWEEN_DOCUMENTS)
  if (text.trim() === '') throw fail('text-too-short', `${path} holds no text.`)
  return { text, sha256: createHash('sha256').update(text).digest('hex'), name: basename(path) }
}

async function listFiles(path: string): Promise<string[]> {
  try {
    const found = await stat(path)
    if (found.isCharacterDevice() || found.isBlockDevice()) {
      throw fail('file-unreadable', `${path} is a device, not a text.`) // and some never end
    }
    if (!found.isDirectory()) return [path]
    const names = (await readdir(path, { withFileTypes: true }))
      .filter((entry) => entry.isFile() && TEXT_EXTENSIONS.includes(extname(entry.name).toLowerCase()))
      .map((entry) => entry.name)
      .sort()
    if (names.length === 0) throw fail('text-too-short', `${path} holds no text file (${TEXT_EXTENSIONS.join(', ')}).`)
    return names.map((name) => join(path, name))
  } catch (error) {
    throw unreadable(path, error)
  }
}

async function readOne(path: string): Promise<string> {
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (error) {
    throw unreadable(path, error)
  }
  const text = decodeUtf8(bytes, path)
  return extname(path).toLowerCase() === '.jsonl' ? joinLines(text, path) : text
}

function decodeUtf8(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (error) {
    throw fail('file-malformed', `${path} is not UTF-8 text.`, {}, error)
  }
}

function joinLines(content: string, path: string): string {
  return content
    .split('\n')
    .flatMap((line, i) => {
      if (line.trim() === '') return []
      let value: unknown
      try {
        value = JSON.parse(line)
      } catch (error) {
        throw fail('file-malformed', `${path}:${i + 1} is not JSON: ${(error as Error).message}`, {}, error)
      }
      if (!isObject(value) || typeof value['text'] !== 'string') {
        throw fail('file-malformed', `${path}:${i + 1} has no "text".`)
      }
      return [value['text']]
    })
    .join(BETWEEN_DOCUMENTS)
}

function unreadable(path: string, error: unknown): unknown {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'ENOENT' || code === 'ENOTDIR') return fail('file-not-found', `There is no ${path}.`, {}, error)
  // A failure of ours has been worded already.
  if (typeof (error as { info?: unknown }).info === 'object') return error
  return fail('file-unreadable', `${path} cannot be read: ${message}`, {}, error)
}
