import { Tokenizer as Library } from '@huggingface/tokenizers'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fail, StudioError } from '../../shared/contract/studio-error.ts'
import { cutIntoWords, GPT2_WORDS, readByteLevel } from './byte-level.ts'
import { chatTemplate } from './chat-template.ts'
import { readSentencePiece } from './sentencepiece.ts'
import { isObject, parseObject, readOptional, readTokenizerConfig, type TokenizerConfig } from './tokenizer-config.ts'
import type { Part, Tokenizer, TokenizerJson } from './tokenizer.ts'
import { withoutUnknownCharacters } from './unknown-characters.ts'
import { wordCutter } from './word-cuts.ts'

interface Source {
  json: TokenizerJson
  mergeRanks?: Map<string, number>
  name: string
}

/**
 * The tokenizer of a checkpoint's folder: from tokenizer.json, else from SentencePiece's tokenizer.model, else from
 * vocab.json with merges.txt. Fails with tokenizer-missing, tokenizer-unsupported, file-malformed or file-unreadable.
 */
export async function loadTokenizer(folder: string): Promise<Tokenizer> {
  const config = await readTokenizerConfig(folder)
  const source = await readSource(folder, config)
  return makeTokenizer(source, makeLibrary(source, config), config)
}

async function readSource(folder: string, config: TokenizerConfig): Promise<Source> {
  const json = await readOptional(folder, 'tokenizer.json')
  if (json !== undefined)
    return { json: parseTokenizerJson(json, join(folder, 'tokenizer.json')), name: 'tokenizer.json' }

  const modelPath = join(folder, 'tokenizer.model')
  const model = await readFile(modelPath).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined
    throw fail('file-unreadable', `${modelPath} cannot be read: ${error.message}`, {}, error)
  })
  if (model !== undefined) return { ...readSentencePiece(model, modelPath, config), name: 'tokenizer.model' }

  const vocab = await readOptional(folder, 'vocab.json')
  const merges = await readOptional(folder, 'merges.txt')
  if (vocab !== undefined && merges !== undefined) {
    return { json: readByteLevel(vocab, merges, join(folder, 'vocab.json'), config), name: 'vocab.json and merges.txt' }
  }
  throw fail('tokenizer-missing', `${folder} holds no tokenizer.`, {
    hint: 'Put the tokenizer.json of the model there; tokenizer.model, or vocab.json with merges.txt, will do as well.',
  })
}

function parseTokenizerJson(text: string, path: string): TokenizerJson {
  const json = parseObject(text, path)
  if (!isObject(json['model'])) throw fail('file-malformed', `${path} has no "model".`)
  const none = { added_tokens: [], normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null }
  return { ...none, ...json } as unknown as TokenizerJson
}

function makeLibrary(source: Source, config: TokenizerConfig): Library {
  try {
    const library = new Library(withoutUnknownCharacters(repaired(source.json, config), config), config.raw)
    if (source.mergeRanks)
      (library.model as unknown as { bpe_ranks: Map<string, number> }).bpe_ranks = source.mergeRanks
    cutLongWords(library, source.json)
    return library
  } catch (error) {
    if (error instanceof StudioError) throw error
    throw fail('tokenizer-unsupported', `${source.name} cannot be used: ${(error as Error).message}`, {}, error)
  }
}

/** What has to be said otherwise for the library to give the ids of the reference (tokenizers, Rust). */
function repaired(json: TokenizerJson, config: TokenizerConfig): TokenizerJson {
  const known = new Set(json.added_tokens.map((token) => token.id))
  return {
    ...json,
    // Old files call "<s>" a normalized token: its pattern becomes "▁<s>", which is found only at the very start of a
    // text. A conversation has it in the middle, so special tokens are always looked for as they are written.
    added_tokens: [...json.added_tokens, ...config.addedTokens.filter((token) => !known.has(token.id))].map((token) =>
      token.special ? { ...token, normalized: false } : token,
    ),
    pre_tokenizer: json.pre_tokenizer === null ? null : splitByUnicodeSpace(json.pre_tokenizer),
  }
}

/**
 * The library cuts GPT-2's words by JavaScript's \s, which has U+FEFF (a byte order mark at the head of a file) and
 * lacks U+0085; Unicode's White_Space has it the other way round. Its Split step translates \s, so words go there.
 */
function splitByUnicodeSpace(part: Part): Part {
  if (part.type === 'Sequence' && Array.isArray(part['pretokenizers'])) {
    return { ...part, pretokenizers: (part['pretokenizers'] as Part[]).map(splitByUnicodeSpace) }
  }
  const plain = part.type === 'ByteLevel' && part['use_regex'] !== false && part['add_prefix_space'] !== true
  return plain ? cutIntoWords(GPT2_WORDS) : part
}

/** Where nothing cuts text into words, cut it where no id can change; see word-cuts.ts. */
function cutLongWords(library: Library, json: TokenizerJson): void {
  const { model, pre_tokenizer: words } = json
  const wholeText = words === null || words.type === 'Metaspace'
  const plain = !model['ignore_merges'] && !model['end_of_word_suffix'] && !model['continuing_subword_prefix']
  if (!wholeText || !plain || library.model === null) return
  const cut = wordCutter(library.model.vocab)
  const inner = library.pre_tokenizer
  const cutting = (text: string, options?: object): string[] => (inner ? inner(text, options) : [text]).flatMap(cut)
  library.pre_tokenizer = cutting as unknown as typeof inner
}

function makeTokenizer(source: Source, library: Library, config: TokenizerConfig): Tokenizer {
  const vocab = library.model?.vocab ?? []
  const special = new Set([...library.get_added_tokens_decoder().values()].filter((t) => t.special).map((t) => t.id))
  const idOf = (token: string | undefined): number | undefined =>
    token === undefined ? undefined : library.token_to_id(token)
  const eosId = idOf(config.eosToken)
  const template = chatTemplate(config)
  return {
    encode(text, { addSpecial = false } = {}) {
      const { ids } = library.encode(text, { add_special_tokens: addSpecial }) as { ids: (number | undefined)[] }
      return Int32Array.from(ids, (id) => {
        if (id === undefined) throw fail('tokenizer-unsupported', `${source.name} has no token for a part of the text.`)
        return id
      })
    },
    decode(ids, { skipSpecial = true } = {}) {
      const kept = Array.from(ids).filter((id) => vocab[id] !== undefined && !(skipSpecial && special.has(id)))
      // Tidying spaces before punctuation is what BERT needed; here it would change what the model said.
      return kept.length === 0 ? '' : library.decode(kept, { clean_up_tokenization_spaces: false })
    },
    bosId: config.bosToken === undefined ? config.modelBosId : idOf(config.bosToken),
    eosIds: [...new Set([...(eosId === undefined ? [] : [eosId]), ...config.modelEosIds])],
    vocabularySize: vocab.length,
    hasChatTemplate: template !== undefined,
    applyChat(messages, { addGenerationPrompt = true } = {}) {
      if (template === undefined) {
        throw fail('invalid-request', 'This checkpoint has no chat template.', {
          hint: 'Continue a plain text instead.',
        })
      }
      return template(messages, addGenerationPrompt)
    },
    source: source.name,
  }
}
