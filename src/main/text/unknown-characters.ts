import type { TokenizerConfig } from './tokenizer-config.ts'
import type { TokenizerJson } from './tokenizer.ts'

/**
 * Llama tokenizers spell a character that they lack as bytes. A few small ones have no tokens for bytes either. Their
 * tokenizer.json then asks for the unknown token, but transformers 5 builds Llama tokenizers anew without one, and such
 * characters vanish; perplexities of the field are its perplexities, so they vanish here too. The difference is large:
 * a model that never saw its unknown token is surprised by each.
 */
export function withoutUnknownCharacters(json: TokenizerJson, config: TokenizerConfig): TokenizerJson {
  const { model } = json
  const llama = /^Llama(Tokenizer|TokenizerFast)$/.test(config.tokenizerClass ?? '')
  const tokens = new Set(Array.isArray(model.vocab) ? model.vocab.map(([token]) => token) : Object.keys(model.vocab))
  if (!llama || model.type !== 'BPE' || [...tokens].some((token) => /^<0x[0-9A-F]{2}>$/.test(token))) return json
  const known = [' ', ...tokens].filter((token) => [...token].length === 1)
  const unknown = `[^${known.map((character) => `\\u{${character.codePointAt(0)!.toString(16)}}`).join('')}]`
  const drop = { type: 'Replace', pattern: { Regex: unknown }, content: '' }
  return {
    ...json,
    normalizer: { type: 'Sequence', normalizers: [drop, ...(json.normalizer === null ? [] : [json.normalizer])] },
  }
}
