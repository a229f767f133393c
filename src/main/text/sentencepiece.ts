import { fail } from '../../shared/contract/studio-error.ts'
import type { TokenizerConfig } from './tokenizer-config.ts'
import { prependToken, specialToken, type AddedToken, type Part, type TokenizerJson } from './tokenizer.ts'

/**
 * Reads a SentencePiece `tokenizer.model` (protobuf, sentencepiece_model.proto) of the BPE kind and says the same as a
 * tokenizer.json. SentencePiece merges the neighbours whose joined piece has the highest score, leftmost first; a
 * list of merges cannot say that two merges are equally good (Llama's runs of spaces all score -1e9), so the ranks
 * are handed over beside the JSON.
 */
export interface SentencePieceTokenizer {
  json: TokenizerJson
  /** JSON of [left, right] → rank; equal ranks are equally good, the leftmost pair then goes first. */
  mergeRanks: Map<string, number>
}

const NORMAL = 1
const UNKNOWN = 2
const CONTROL = 3
const USER_DEFINED = 4
const UNUSED = 5
const BYTE = 6

const MODEL_TYPES = ['', 'unigram', 'BPE', 'word', 'character']
const SPACE = '▁'

interface Piece {
  text: string
  score: number
  type: number
}

interface Model {
  pieces: Piece[]
  modelType: number
  whitespaceAsSuffix: boolean
  charsMapBytes: number
  addDummyPrefix: boolean
  removeExtraWhitespaces: boolean
  escapeWhitespaces: boolean
}

export function readSentencePiece(bytes: Uint8Array, path: string, config: TokenizerConfig): SentencePieceTokenizer {
  const model = readModel(bytes, path)
  refuseUnknown(model, path)
  const vocab = Object.fromEntries(model.pieces.map((piece, id) => [piece.text, id]))
  const unknown = model.pieces.find((piece) => piece.type === UNKNOWN)
  const byteFallback = model.pieces.filter((piece) => piece.type === BYTE).length === 256
  const merges = listMerges(model.pieces)
  const bos = config.bosToken ?? model.pieces.find((piece) => piece.type === CONTROL)?.text
  const bosId = bos === undefined ? undefined : vocab[bos]
  const json: TokenizerJson = {
    added_tokens: model.pieces.flatMap((piece, id) => addedToken(piece, id)),
    ...spaces(model, config.legacy),
    post_processor:
      bos !== undefined && bosId !== undefined && config.addBos !== false ? prependToken(bos, bosId) : null,
    model: {
      type: 'BPE',
      vocab,
      merges: merges.map((merge) => merge.pair),
      unk_token: unknown?.text ?? null,
      fuse_unk: true,
      byte_fallback: byteFallback,
    },
  }
  return { json, mergeRanks: new Map(merges.map((merge) => [JSON.stringify(merge.pair), merge.rank])) }
}

function refuseUnknown(model: Model, path: string): void {
  const refuse = (reason: string): Error =>
    fail('tokenizer-unsupported', `${path} ${reason}.`, {
      hint: 'Put the tokenizer.json of this checkpoint beside it.',
    })
  if (model.modelType !== 2) {
    throw refuse(
      `is a SentencePiece model of type ${MODEL_TYPES[model.modelType] ?? model.modelType}; only BPE is read`,
    )
  }
  if (model.charsMapBytes > 0) throw refuse('normalizes text by a table of its own, which is not read')
  if (model.whitespaceAsSuffix) throw refuse('puts spaces at the end of words, which is not read')
  if (!model.escapeWhitespaces) throw refuse('does not escape spaces, which is not read')
  if (model.pieces.some((piece) => piece.type === UNUSED)) throw refuse('has unused pieces, which are not read')
}

function addedToken(piece: Piece, id: number): AddedToken[] {
  if (piece.type === UNKNOWN || piece.type === CONTROL) return [specialToken(id, piece.text)]
  // User-defined symbols are found in the text before anything else, and are part of it.
  if (piece.type === USER_DEFINED) return [{ ...specialToken(id, piece.text), special: false }]
  return []
}

/** How spaces are written into the pieces, and read out of them again. */
function spaces(model: Model, legacy: boolean): Pick<TokenizerJson, 'normalizer' | 'pre_tokenizer' | 'decoder'> {
  const squeeze: Part[] = model.removeExtraWhitespaces
    ? [
        { type: 'Replace', pattern: { Regex: '^ +| +$' }, content: '' },
        { type: 'Replace', pattern: { Regex: ' +' }, content: ' ' },
      ]
    : []
  const escape: Part = { type: 'Replace', pattern: { String: ' ' }, content: SPACE }
  const prefixEverywhere = model.addDummyPrefix && legacy
  const prefixFirst = model.addDummyPrefix && !legacy
  const decoders: Part[] = [
    { type: 'Replace', pattern: { String: SPACE }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
  ]
  if (model.addDummyPrefix) decoders.push({ type: 'Strip', content: ' ', start: 1, stop: 0 })
  return {
    normalizer: {
      type: 'Sequence',
      normalizers: [...squeeze, ...(prefixEverywhere ? [{ type: 'Prepend', prepend: SPACE }] : []), escape],
    },
    pre_tokenizer: prefixFirst
      ? { type: 'Metaspace', replacement: SPACE, prepend_scheme: 'first', split: false }
      : null,
    decoder: { type: 'Sequence', decoders },
  }
}

/** Every way to make a piece of two others, best first. Control, unknown and byte pieces are never merged. */
function listMerges(pieces: Piece[]): { pair: [string, string]; rank: number }[] {
  const normal = pieces.filter((piece) => piece.type === NORMAL)
  const known = new Set(normal.map((piece) => piece.text))
  const order = [...new Set(normal.map((piece) => piece.score))].sort((a, b) => b - a)
  const rankOf = new Map(order.map((score, rank) => [score, rank]))
  return normal
    .flatMap((piece) => {
      const characters = Array.from(piece.text)
      const rank = rankOf.get(piece.score) ?? 0
      return characters.slice(1).flatMap((_, i) => {
        const pair: [string, string] = [characters.slice(0, i + 1).join(''), characters.slice(i + 1).join('')]
        return reachable(pair[0], known) && reachable(pair[1], known) ? [{ pair, rank }] : []
      })
    })
    .sort((a, b) => a.rank - b.rank)
}

/** A single character is a symbol from the start, whether or not the vocabulary has it. */
function reachable(part: string, known: Set<string>): boolean {
  return known.has(part) || Array.from(part).length === 1
}

// --- protobuf -------------------------------------------------------------------------------------------------------

interface Field {
  number: number
  value: number
  bytes: Uint8Array
}

function readModel(bytes: Uint8Array, path: string): Model {
  try {
    const fields = readFields(bytes)
    const nested = (number: number): Field[] =>
      fields.filter((f) => f.number === number).flatMap((f) => readFields(f.bytes))
    const trainer = nested(2)
    const normalizer = nested(3)
    const last = (list: Field[], number: number): Field | undefined => list.findLast((f) => f.number === number)
    const flag = (list: Field[], number: number, byDefault: boolean): boolean =>
      (last(list, number)?.value ?? Number(byDefault)) !== 0
    const model: Model = {
      pieces: fields.filter((f) => f.number === 1).map((f) => readPiece(f.bytes)),
      modelType: last(trainer, 3)?.value ?? 1,
      whitespaceAsSuffix: flag(trainer, 24, false),
      charsMapBytes: last(normalizer, 2)?.bytes.length ?? 0,
      addDummyPrefix: flag(normalizer, 3, true),
      removeExtraWhitespaces: flag(normalizer, 4, true),
      escapeWhitespaces: flag(normalizer, 5, true),
    }
    if (model.pieces.length === 0) throw new RangeError('it lists no pieces')
    return model
  } catch (error) {
    throw fail('file-malformed', `${path} is not a SentencePiece model: ${(error as Error).message}.`, {}, error)
  }
}

function readPiece(bytes: Uint8Array): Piece {
  const piece: Piece = { text: '', score: 0, type: NORMAL }
  for (const field of readFields(bytes)) {
    if (field.number === 1) piece.text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(field.bytes)
    if (field.number === 2) piece.score = field.value
    if (field.number === 3) piece.type = field.value
  }
  return piece
}

/** All fields of one message; 32-bit ones are read as float, the only such type in the format. */
function readFields(bytes: Uint8Array): Field[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const none = new Uint8Array()
  const fields: Field[] = []
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++]
      if (byte === undefined) throw new RangeError('it ends inside a number')
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
  }
  const take = (length: number): number => {
    if (at + length > bytes.length) throw new RangeError(`a field of ${length} bytes does not fit`)
    at += length
    return at - length
  }
  while (at < bytes.length) {
    const key = varint()
    const number = Math.floor(key / 8)
    const wire = key % 8
    if (wire === 0) fields.push({ number, value: varint(), bytes: none })
    else if (wire === 1) fields.push({ number, value: view.getFloat64(take(8), true), bytes: none })
    else if (wire === 5) fields.push({ number, value: view.getFloat32(take(4), true), bytes: none })
    else if (wire === 2) {
      const length = varint()
      const start = take(length)
      fields.push({ number, value: 0, bytes: bytes.subarray(start, start + length) })
    } else throw new RangeError(`wire type ${wire} is not known`)
  }
  return fields
}
