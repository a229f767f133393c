import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import type { Sampling } from '../../../shared/contract/sidecar/generation.ts'
import { fail, StudioError } from '../../../shared/contract/studio-error.ts'
import type { ChatAnswer, ChatSession } from '../../studio/index.ts'
import { quiet } from '../layout.ts'
import { addCommonOptions, decimal, integer, type CommonOptions } from '../options.ts'
import { runCommand, type Session } from '../session.ts'
import { bytes, digits, duration } from '../units.ts'

type Options = CommonOptions & {
  prompt?: string
  raw?: boolean
  system?: string
  maxTokens: number
  context?: number
  seed?: number
  temperature: number
  topK: number
  topP: number
  minP: number
  repetitionPenalty: number
  stop?: string[]
}

type Message = { role: 'system' | 'user' | 'assistant'; content: string }

export function registerChat(program: Command): void {
  const command = program
    .command('chat')
    .description('talk with a checkpoint or a result; interactive without --prompt')
    .argument('<model>', 'folder of a checkpoint or of a result')
    .option('--prompt <text>', 'answer this and end')
    .option('--raw', 'carry the text on as it is, without the chat template')
    .option('--system <text>', 'what the model is told before the conversation')
    .option('--max-tokens <count>', 'most tokens of an answer', integer(1, 1_048_576), 256)
    .option(
      '--context <tokens>',
      "tokens the cache holds (default: the model's limit, at most 4096)",
      integer(1, 1_048_576),
    )
    .option('--seed <number>', 'seed of the sampler (default: another one each time)', integer(0, 2 ** 31 - 1))
    .option('--temperature <value>', '0 always takes the likeliest token', decimal(0, 10), 0.7)
    .option('--top-k <count>', 'keep the k likeliest tokens; 0 keeps all', integer(0, 1_000_000), 0)
    .option('--top-p <mass>', 'keep the likeliest tokens up to this mass', decimal(0, 1), 0.95)
    .option('--min-p <share>', 'drop tokens below this share of the likeliest', decimal(0, 1), 0)
    .option('--repetition-penalty <factor>', 'above 1, tokens seen before become less likely', decimal(0.1, 10), 1)
    .option('--stop <text...>', 'end the answer before this text')
  addCommonOptions(command).action((model: string, options: Options) =>
    runCommand(options, async (session) => {
      const chat = await session.studio.openChat({ model, contextLength: options.context }, session.run)
      try {
        if (options.system !== undefined && !usesTemplate(chat, options)) {
          throw fail('invalid-request', 'There is no chat template to put --system into.')
        }
        if (options.prompt === undefined) await converse(chat, session, options)
        else await answerOne(chat, session, options, opening(options), options.prompt)
      } finally {
        if (!session.interrupt.signal.aborted) await chat.close()
      }
    }),
  )
}

async function converse(chat: ChatSession, session: Session, options: Options): Promise<void> {
  const { output, interrupt } = session
  const interactive = process.stdin.isTTY && !output.json
  if (interactive) {
    const how = usesTemplate(chat, options) ? 'chat template' : 'plain text is carried on'
    output.note(quiet(`${bytes(chat.memoryBytes)}, ${chat.contextLength} tokens of context, ${how}. Ctrl-D ends.`))
  }
  const lines = createInterface({
    input: process.stdin,
    ...(interactive ? { output: process.stdout, prompt: '> ' } : {}),
  })
  // On a terminal readline takes Ctrl-C for itself.
  lines.on('SIGINT', () => process.kill(process.pid, 'SIGINT'))
  const leave = () => lines.close()
  interrupt.signal.addEventListener('abort', leave)
  let messages = opening(options)
  if (interactive) lines.prompt()
  for await (const line of lines) {
    if (line.trim() !== '') {
      const text = await answerInterruptibly(chat, session, options, messages, line)
      if (text !== undefined)
        messages = [...messages, { role: 'user', content: line }, { role: 'assistant', content: text }]
    }
    if (interrupt.signal.aborted) break
    if (interactive) lines.prompt()
  }
  interrupt.signal.removeEventListener('abort', leave)
  lines.close()
}

/** Ctrl-C ends the answer, not the conversation. */
async function answerInterruptibly(
  chat: ChatSession,
  session: Session,
  options: Options,
  before: Message[],
  prompt: string,
): Promise<string | undefined> {
  if (!process.stdin.isTTY) return answerOne(chat, session, options, before, prompt)
  const stop = new AbortController()
  session.interrupt.intercept = () => {
    session.interrupt.intercept = undefined
    stop.abort()
    return true
  }
  try {
    return await answerOne(chat, session, options, before, prompt, stop.signal)
  } catch (error) {
    if (!(error instanceof StudioError && error.code === 'cancelled' && stop.signal.aborted)) throw error
    process.stdout.write('\n')
    return undefined
  } finally {
    session.interrupt.intercept = undefined
  }
}

async function answerOne(
  chat: ChatSession,
  { output, interrupt }: Session,
  options: Options,
  before: Message[],
  prompt: string,
  stop?: AbortSignal,
): Promise<string> {
  const input = usesTemplate(chat, options)
    ? { messages: [...before, { role: 'user' as const, content: prompt }] }
    : { prompt }
  const sampling = samplingOf(options)
  const answer = await chat.answer({
    input,
    maxTokens: options.maxTokens,
    sampling,
    stop: options.stop,
    onText: (text) => (output.json ? output.event({ kind: 'text', text }) : void process.stdout.write(printable(text))),
    signal: stop ? AbortSignal.any([stop, interrupt.signal]) : interrupt.signal,
  })
  output.answer({ kind: 'chat', ...answer, ...speeds(answer), seed: sampling.seed }, () => '')
  if (!output.json && process.stderr.isTTY) output.note(quiet(summary(answer)))
  return answer.text
}

/** What a model says must not steer the terminal: control characters are shown as U+FFFD. */
function printable(text: string): string {
  return process.stdout.isTTY ? text.replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '\uFFFD') : text
}

function opening({ system }: Options): Message[] {
  return system === undefined ? [] : [{ role: 'system', content: system }]
}

function usesTemplate(chat: ChatSession, options: Options): boolean {
  return chat.hasTemplate && !options.raw
}

function samplingOf({ temperature, topK, topP, minP, repetitionPenalty, seed }: Options): Sampling {
  return { temperature, topK, topP, minP, repetitionPenalty, seed: seed ?? Math.floor(Math.random() * 2 ** 31) }
}

/** Tokens per second of prompt and answer apart: the first token belongs to the prompt. */
function speeds({ promptTokens, generatedTokens, promptMs, generationMs }: ChatAnswer) {
  return {
    ...(promptMs ? { promptTokensPerSecond: (promptTokens * 1000) / promptMs } : {}),
    ...(generationMs && generatedTokens > 1 ? { tokensPerSecond: ((generatedTokens - 1) * 1000) / generationMs } : {}),
  }
}

function summary(answer: ChatAnswer): string {
  const { tokensPerSecond } = speeds(answer)
  return [
    `${answer.generatedTokens} tokens`,
    ...(tokensPerSecond === undefined ? [] : [`${digits(tokensPerSecond)} tokens/s`]),
    ...(answer.promptMs === undefined ? [] : [`first after ${duration(answer.promptMs)}`]),
  ].join(', ')
}
