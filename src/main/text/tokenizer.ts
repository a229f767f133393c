/** Token ids from text and back, as the checkpoint's own tokenizer does it. */
export interface Tokenizer {
  /** `addSpecial` adds what the tokenizer itself puts around a text, usually the BOS token; false unless said. */
  encode(text: string, opts?: { addSpecial?: boolean }): Int32Array
  /** Special tokens are left out unless `skipSpecial` is false. Ids that no token has are left out. */
  decode(ids: ArrayLike<number>, opts?: { skipSpecial?: boolean }): string
  /** Beginning of a text; undefined where the tokenizer has none. */
  bosId?: number
  /** Every token that ends an answer, by the tokenizer's and the checkpoint's own word. */
  eosIds: number[]
  /** Highest id + 1, added tokens included. The embedding may hold more rows. */
  vocabularySize: number
  hasChatTemplate: boolean
  /** The conversation as the text that the model was taught; encode it without `addSpecial`. */
  applyChat(messages: ChatMessage[], opts?: { addGenerationPrompt?: boolean }): string
  /** The file or files it was read from, for people: "tokenizer.json". */
  source: string
}

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant'
  content: string
}

/** The parts of a Hugging Face tokenizer.json that this folder looks at; everything else is passed on as it is. */
export interface TokenizerJson {
  added_tokens: AddedToken[]
  normalizer: Part | null
  pre_tokenizer: Part | null
  post_processor: Part | null
  decoder: Part | null
  model: Part & {
    type: string
    vocab: Record<string, number> | [string, number][]
    merges?: (string | [string, string])[]
    unk_token?: string | null
  }
}

export type Part = { type?: string } & Record<string, unknown>

export interface AddedToken {
  id: number
  content: string
  special: boolean
  normalized: boolean
  lstrip: boolean
  rstrip: boolean
  single_word: boolean
}

/** A token that stands for something else than its letters: found in the text as it is, and left out of answers. */
export function specialToken(id: number, content: string): AddedToken {
  return { id, content, special: true, normalized: false, lstrip: false, rstrip: false, single_word: false }
}

/** The post-processor that puts one token before every text. */
export function prependToken(content: string, id: number): Part {
  const token = { SpecialToken: { id: content, type_id: 0 } }
  const text = (name: string): object => ({ Sequence: { id: name, type_id: 0 } })
  return {
    type: 'TemplateProcessing',
    single: [token, text('A')],
    pair: [token, text('A'), text('B')],
    special_tokens: { [content]: { id: content, ids: [id], tokens: [content] } },
  }
}
