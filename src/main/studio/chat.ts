import type { DivergenceResult, GenerationResult, Sampling } from '../../shared/contract/sidecar/generation.ts'
import { fail, StudioError } from '../../shared/contract/studio-error.ts'
import { loadTokenizer, streamDecoder, type ChatMessage } from '../text/index.ts'
import type { Context } from './context.ts'
import { resolveMachinery } from './device.ts'
import { openModel } from './model.ts'
import { runAsJob, type RunOptions } from './recording.ts'
import { stopFilter } from './stop-strings.ts'

export type ChatTurn = {
  /** The conversation so far, through the checkpoint's chat template; or plain text that is carried on. */
  input: { messages: ChatMessage[] } | { prompt: string }
  maxTokens: number
  sampling: Sampling
  /** Strings that end the answer; they are not part of it. */
  stop?: string[] | undefined
  /** The answer as it comes. */
  onText?: ((text: string) => void) | undefined
  /** The ids of the prompt, once before the answer. */
  onPrompt?: ((ids: number[]) => void) | undefined
  /** Each token with the text that it made certain, and at the end, without a token, the text that was held back. */
  onToken?: ((text: string, id?: number) => void) | undefined
  signal?: AbortSignal | undefined
}

export type ChatAnswer = {
  text: string
  promptTokens: number
  /** Of these, taken from the cache; absent when a stop string ended the answer. */
  reusedTokens?: number
  generatedTokens: number
  stopReason: GenerationResult['stopReason'] | 'stop-string'
  /** Wait for the first token, milliseconds; absent when a stop string ended the answer. */
  promptMs?: number
  /** Time for the tokens after the first, milliseconds. */
  generationMs?: number
}

export type ChatSession = {
  /** Number of the loaded model in the sidecar. */
  modelId: number
  path: string
  hasTemplate: boolean
  /** Tokens that prompt and answer may have together. */
  contextLength: number
  memoryBytes: number
  answer(turn: ChatTurn): Promise<ChatAnswer>
  /** How far this model lies from another at each token of an answer, both reading it. */
  divergence(
    reference: ChatSession,
    text: { prompt: number[]; answer: number[] },
    signal?: AbortSignal,
  ): Promise<DivergenceResult>
  close(): Promise<void>
}

export type ChatRequest = { model: string; contextLength?: number | undefined }

/** Loads a model to talk with. The sidecar keeps it until the session is closed. */
export async function openChat(context: Context, request: ChatRequest, options: RunOptions = {}): Promise<ChatSession> {
  const { inspection, project } = await openModel(context, request.model, options)
  const tokenizer = await loadTokenizer(inspection.path)
  const machinery = await resolveMachinery(context, 'model.load', options)
  const { path } = inspection
  const loading = { path, ...machinery, contextLength: request.contextLength ?? 0 }
  const { modelId, contextLength, memoryBytes } = await context.sidecar.call('model.load', loading)

  function encodePrompt(input: ChatTurn['input']): number[] {
    if ('prompt' in input) return [...tokenizer.encode(input.prompt, { addSpecial: true })]
    return [...tokenizer.encode(tokenizer.applyChat(input.messages, { addGenerationPrompt: true }))]
  }

  async function answer(turn: ChatTurn): Promise<ChatAnswer> {
    const prompt = encodePrompt(turn.input)
    if (prompt.length === 0) throw fail('text-too-short', 'The prompt is empty.')
    // A plain text is carried on, so the space between it and the first word is part of the answer.
    const decoder = streamDecoder(tokenizer, 'prompt' in turn.input ? prompt : [])
    const filter = stopFilter(turn.stop ?? [])
    const stopped = new AbortController()
    const signal = turn.signal ? AbortSignal.any([turn.signal, stopped.signal]) : stopped.signal
    let text = ''
    let generatedTokens = 0
    const show = (piece: string, id?: number) => {
      text += piece
      turn.onToken?.(piece, id)
      if (piece) turn.onText?.(piece)
    }
    turn.onPrompt?.(prompt)
    const { sampling, maxTokens } = turn
    const params = { modelId, prompt, maxTokens, stopTokens: tokenizer.eosIds, sampling }
    // What was said stays out of the database.
    const kept = { model: path, maxTokens, sampling, promptTokens: prompt.length }
    const job = { kind: 'generation' as const, projectId: project?.id, params: kept }
    const result = await runAsJob(context, job, options, async () => {
      try {
        return await context.sidecar.runJob('generation.start', params, {
          signal,
          onProduced({ tokens }) {
            for (const id of tokens) {
              if (stopped.signal.aborted) return
              generatedTokens += 1
              const step = filter.push(decoder.push([id]))
              show(step.text, id)
              if (step.stopped) stopped.abort()
            }
          },
        })
      } catch (error) {
        const ours = stopped.signal.aborted && error instanceof StudioError && error.code === 'cancelled'
        if (!ours) throw error
        return undefined
      }
    })
    if (!stopped.signal.aborted) {
      const last = filter.push(decoder.end())
      show(last.stopped ? last.text : last.text + filter.end())
    }
    if (!result || stopped.signal.aborted) {
      return { text, promptTokens: prompt.length, generatedTokens, stopReason: 'stop-string' }
    }
    const { kind: _kind, ...figures } = result
    return { text, ...figures }
  }

  return {
    modelId,
    path,
    hasTemplate: tokenizer.hasChatTemplate,
    contextLength,
    memoryBytes,
    answer,
    divergence: (reference, text, signal) =>
      context.sidecar.runJob('divergence.start', { modelId, referenceId: reference.modelId, ...text }, { signal }),
    close: async () => void (await context.sidecar.call('model.unload', { modelId }).catch(() => undefined)),
  }
}
