import { Template } from '@huggingface/jinja'
import { fail } from '../../shared/contract/studio-error.ts'
import type { TokenizerConfig } from './tokenizer-config.ts'
import type { ChatMessage } from './tokenizer.ts'

export type ApplyTemplate = (messages: ChatMessage[], addGenerationPrompt: boolean) => string

/** The checkpoint's own chat template with the variables that transformers gives it; undefined when it has none. */
export function chatTemplate(config: TokenizerConfig): ApplyTemplate | undefined {
  const source = config.chatTemplate
  if (source === undefined) return undefined
  let template: Template | undefined
  return (messages, addGenerationPrompt) => {
    try {
      template ??= new Template(source)
    } catch (error) {
      throw fail('tokenizer-unsupported', `The chat template cannot be read: ${(error as Error).message}`, {}, error)
    }
    try {
      return template.render({
        messages,
        add_generation_prompt: addGenerationPrompt,
        bos_token: config.bosToken ?? '',
        eos_token: config.eosToken ?? '',
        unk_token: config.unkToken ?? '',
        tools: null,
        documents: null,
      })
    } catch (error) {
      throw fail(
        'invalid-request',
        `The chat template refuses this conversation: ${(error as Error).message}`,
        {},
        error,
      )
    }
  }
}
