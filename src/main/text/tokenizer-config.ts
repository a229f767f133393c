import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../../shared/contract/studio-error.ts'
import type { AddedToken } from './tokenizer.ts'

/** What the small JSON files beside a tokenizer say about it. Every field is as unreliable as people are. */
export interface TokenizerConfig {
  tokenizerClass?: string
  modelType?: string
  addBos?: boolean
  /** Llama's word for a prefix space before every piece of text (true) or before the first alone (false). */
  legacy: boolean
  bosToken?: string
  eosToken?: string
  unkToken?: string
  addedTokens: AddedToken[]
  chatTemplate?: string
  /** Ids from config.json and generation_config.json, where the tokenizer's own files say nothing. */
  modelBosId?: number
  modelEosIds: number[]
  raw: Record<string, unknown>
}

type Json = Record<string, unknown>

export async function readTokenizerConfig(folder: string): Promise<TokenizerConfig> {
  const config = await readObject(folder, 'tokenizer_config.json')
  const map = await readObject(folder, 'special_tokens_map.json')
  const model = await readObject(folder, 'config.json')
  const generation = await readObject(folder, 'generation_config.json')
  // A null in tokenizer_config.json is an answer ("there is none"), a missing key is not.
  const named = (key: string): unknown => (key in config ? config[key] : map[key])
  return {
    tokenizerClass: text(config['tokenizer_class']) ?? text(model['tokenizer_class']),
    modelType: text(model['model_type']),
    addBos: typeof config['add_bos_token'] === 'boolean' ? config['add_bos_token'] : undefined,
    legacy: config['legacy'] !== false,
    bosToken: tokenText(named('bos_token')),
    eosToken: tokenText(named('eos_token')),
    unkToken: tokenText(named('unk_token')),
    addedTokens: addedTokens(config['added_tokens_decoder']),
    chatTemplate: (await readOptional(folder, 'chat_template.jinja')) ?? chatTemplate(config['chat_template']),
    modelBosId: named('bos_token') === null ? undefined : ids(model['bos_token_id'])[0],
    modelEosIds: [...ids(model['eos_token_id']), ...ids(generation['eos_token_id'])],
    raw: config,
  }
}

/** The file's text; undefined when there is no such file. A pipe would be waited for without end, so it is refused. */
export async function readOptional(folder: string, name: string): Promise<string | undefined> {
  try {
    if (!(await stat(join(folder, name))).isFile()) throw new Error('it is not a file')
    return await readFile(join(folder, name), 'utf8')
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw fail('file-unreadable', `${join(folder, name)} cannot be read: ${(error as Error).message}`, {}, error)
  }
}

export function parseObject(content: string, path: string): Json {
  let value: unknown
  try {
    value = JSON.parse(content.replace(/^\uFEFF/, ''))
  } catch (error) {
    throw fail('file-malformed', `${path} is not valid JSON: ${(error as Error).message}`, {}, error)
  }
  if (!isObject(value)) throw fail('file-malformed', `${path} does not hold a JSON object.`)
  return value
}

async function readObject(folder: string, name: string): Promise<Json> {
  const content = await readOptional(folder, name)
  return content === undefined ? {} : parseObject(content, join(folder, name))
}

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** "<s>" or {"content": "<s>", ...}. */
function tokenText(value: unknown): string | undefined {
  return text(isObject(value) ? value['content'] : value)
}

function ids(value: unknown): number[] {
  return (Array.isArray(value) ? value : [value]).filter((id): id is number => Number.isInteger(id))
}

function addedTokens(value: unknown): AddedToken[] {
  if (!isObject(value)) return []
  return Object.entries(value).flatMap(([id, token]) => {
    const content = tokenText(token)
    if (!isObject(token) || content === undefined || !/^\d+$/.test(id)) return []
    const flag = (key: string): boolean => token[key] === true
    return [
      {
        id: Number(id),
        content,
        special: flag('special'),
        normalized: flag('normalized'),
        lstrip: flag('lstrip'),
        rstrip: flag('rstrip'),
        single_word: flag('single_word'),
      },
    ]
  })
}

/** One template, or a list of named ones of which "default" is meant. */
function chatTemplate(value: unknown): string | undefined {
  if (!Array.isArray(value)) return text(value)
  const entry: unknown = value.find((item) => isObject(item) && item['name'] === 'default')
  return isObject(entry) ? text(entry['template']) : undefined
}
