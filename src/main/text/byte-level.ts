import { fail } from '../../shared/contract/studio-error.ts'
import { isObject, parseObject, type TokenizerConfig } from './tokenizer-config.ts'
import { prependToken, specialToken, type Part, type TokenizerJson } from './tokenizer.ts'

/** GPT-2's words (openai/gpt-2, encoder.py). */
export const GPT2_WORDS = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`

/** Qwen2's words (transformers, tokenization_qwen2.py): digits one by one, line ends kept together. */
const QWEN2_WORDS =
  String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|` +
  String.raw` ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`

interface Family {
  words: string
  normalizer: Part | null
}

/** The files do not say how text is cut into words, so the class must; GPT-2's cut is the one most others took over. */
const FAMILIES = new Map<string, Family>([
  ['GPT2Tokenizer', { words: GPT2_WORDS, normalizer: null }],
  ['Qwen2Tokenizer', { words: QWEN2_WORDS, normalizer: { type: 'NFC' } }],
])
const CLASS_OF_MODEL = new Map([
  ['gpt2', 'GPT2Tokenizer'],
  ['opt', 'GPT2Tokenizer'],
  ['gpt_neo', 'GPT2Tokenizer'],
  ['qwen2', 'Qwen2Tokenizer'],
  ['qwen3', 'Qwen2Tokenizer'],
])

/** A byte-level BPE given as vocab.json and merges.txt alone, said as a tokenizer.json. */
export function readByteLevel(
  vocabText: string,
  mergesText: string,
  path: string,
  config: TokenizerConfig,
): TokenizerJson {
  const name = (config.tokenizerClass ?? CLASS_OF_MODEL.get(config.modelType ?? ''))?.replace(/Fast$/, '')
  const family = name === undefined ? undefined : FAMILIES.get(name)
  if (family === undefined) {
    throw fail(
      'tokenizer-unsupported',
      `${path} and merges.txt do not say how text is cut into words, and the tokenizer class ` +
        `${name ?? '(not named)'} is not one of ${[...FAMILIES.keys()].join(', ')}.`,
      { hint: 'Put the tokenizer.json of this checkpoint beside them.' },
    )
  }
  const vocab = readVocab(vocabText, path)
  // OPT's BOS is "</s>" and its tokenizer adds it; GPT-2's never does.
  const bosId = config.bosToken === undefined ? undefined : vocab[config.bosToken]
  const special = new Set([config.bosToken, config.eosToken, config.unkToken, '<|endoftext|>', '<s>', '</s>', '<pad>'])
  return {
    added_tokens: [...special].flatMap((token) => {
      const id = token === undefined ? undefined : vocab[token]
      return token === undefined || id === undefined ? [] : [specialToken(id, token)]
    }),
    normalizer: family.normalizer,
    pre_tokenizer: cutIntoWords(family.words),
    post_processor:
      config.addBos === true && config.bosToken !== undefined && bosId !== undefined
        ? prependToken(config.bosToken, bosId)
        : null,
    decoder: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: false },
    model: { type: 'BPE', vocab, merges: readMerges(mergesText, path), unk_token: null, fuse_unk: false },
  }
}

export function cutIntoWords(pattern: string): Part {
  return {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false },
      { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false },
    ],
  }
}

function readVocab(text: string, path: string): Record<string, number> {
  const vocab = parseObject(text, path)
  const valid = (value: unknown): value is Record<string, number> =>
    isObject(value) && Object.values(value).every((id) => Number.isInteger(id) && (id as number) >= 0)
  if (!valid(vocab)) throw fail('file-malformed', `${path} maps a token to something that is not an id.`)
  return vocab
}

function readMerges(text: string, path: string): [string, string][] {
  return text
    .split('\n')
    .map((line) => line.replace(/\r$/, ''))
    .filter((line, i) => line !== '' && !(i === 0 && line.startsWith('#version')))
    .map((line) => {
      const [left, right, ...rest] = line.split(' ')
      if (!left || !right || rest.length > 0) {
        throw fail('file-malformed', `merges.txt beside ${path} has a line that is not two tokens: "${line}".`)
      }
      return [left, right]
    })
}
