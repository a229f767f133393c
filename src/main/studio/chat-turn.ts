import type { ChatAnswer, ChatTurn } from '../../shared/contract/studio/index.ts'
import { fail, toErrorInfo } from '../../shared/contract/studio-error.ts'
import { throwIfAborted } from '../sidecar/index.ts'
import type { ChatMessage } from '../text/index.ts'
import type { ChatSession } from './chat.ts'
import type { ChatModels } from './chat-models.ts'

/** A page is told of new text so often at most: 25 times a second looks like all the time. */
const TELL_EVERY_MS = 40

type Tell = {
  /** The turn went on to its next state. */
  advanced: () => void
  produced: (column: number, first: number, pieces: string[]) => void
}
type Ids = { prompt: number[]; answer: number[] }

/**
 * Answers a turn with both models, one after the other, so that each has the machine for itself and its tokens per
 * second mean something; then compares them on the right one's answer. What comes is written into `turn`.
 */
export async function answerTurn(
  models: ChatModels,
  paths: string[],
  turn: ChatTurn,
  earlier: ChatTurn[],
  signal: AbortSignal,
  tell: Tell,
): Promise<void> {
  const said: Ids[] = []
  for (const [column, path] of paths.entries()) {
    said[column] = await answerColumn(models, path, turn, column, earlier, signal, tell)
  }
  const [left, right] = said
  if (!left || !right || turn.answers.some(({ state }) => state !== 'done')) return
  turn.firstDifference = firstDifference(left.answer, right.answer)
  if (right.answer.length === 0) return
  turn.comparing = true
  tell.advanced()
  try {
    turn.divergence = await models.use(paths, async ([leftModel, rightModel]) => {
      if (!leftModel || !rightModel) throw fail('internal', 'A model is missing.')
      const { kl, logprobs, referenceLogprobs, sameTop } = await rightModel.divergence(leftModel, right, signal)
      return { kl, logprobs, leftLogprobs: referenceLogprobs, sameTop }
    })
  } catch (error) {
    turn.divergenceError = toErrorInfo(error)
  }
  turn.comparing = false
}

async function answerColumn(
  models: ChatModels,
  path: string,
  turn: ChatTurn,
  column: number,
  earlier: ChatTurn[],
  signal: AbortSignal,
  tell: Tell,
): Promise<Ids> {
  const answer = turn.answers[column] as ChatAnswer
  const ids: Ids = { prompt: [], answer: [] }
  let told = 0
  let timer: NodeJS.Timeout | undefined
  const flush = () => {
    timer = undefined
    if (told < answer.pieces.length) tell.produced(column, told, answer.pieces.slice(told))
    told = answer.pieces.length
  }
  const become = (state: ChatAnswer['state']) => {
    clearTimeout(timer)
    flush()
    answer.state = state
    tell.advanced()
  }
  try {
    throwIfAborted(signal)
    become(models.areLoaded([path]) ? 'answering' : 'loading')
    const {
      text: _text,
      generatedTokens,
      promptMs,
      stopReason,
      ...figures
    } = await models.use([path], ([session]) => {
      if (!session) throw fail('internal', 'A model is missing.')
      throwIfAborted(signal)
      if (answer.state !== 'answering') become('answering')
      return session.answer({
        input: inputOf(turn, column, earlier, session),
        maxTokens: turn.maxTokens,
        sampling: turn.sampling,
        signal,
        onPrompt: (prompt) => (ids.prompt = prompt),
        onToken: (text, id) => {
          if (id === undefined) answer.pieces.push(`${answer.pieces.pop() ?? ''}${text}`)
          else {
            ids.answer.push(id)
            answer.pieces.push(text)
          }
          answer.tokens = ids.answer.length
          // The last piece may have grown; it is told of again.
          if (id === undefined && text) told = Math.min(told, answer.pieces.length - 1)
          timer ??= setTimeout(flush, TELL_EVERY_MS)
        },
      })
    })
    const ended = stopReason === 'stop-string' ? {} : { stopReason }
    Object.assign(answer, { tokens: generatedTokens, firstTokenMs: promptMs, ...figures, ...ended })
    become('done')
  } catch (error) {
    const info = toErrorInfo(error)
    if (info.code !== 'cancelled') answer.error = info
    become(info.code === 'cancelled' ? 'stopped' : 'failed')
  }
  return ids
}

/** What a model is given: the conversation as it went in its own column. */
function inputOf(turn: ChatTurn, column: number, earlier: ChatTurn[], session: ChatSession) {
  const said = earlier
    .map(({ prompt, answers }) => ({ prompt, answer: answers[column]?.pieces.join('') ?? '' }))
    .filter(({ answer }) => answer !== '')
  if (turn.form === 'text') {
    return { prompt: said.map(({ prompt, answer }) => prompt + answer).join('') + turn.prompt }
  }
  if (!session.hasTemplate) {
    throw fail('invalid-request', `The tokenizer in ${session.path} has no chat template.`, {
      hint: 'Let the text be carried on instead.',
    })
  }
  const messages: ChatMessage[] = said.flatMap(({ prompt, answer }) => [
    { role: 'user', content: prompt },
    { role: 'assistant', content: answer },
  ])
  return { messages: [...messages, { role: 'user' as const, content: turn.prompt }] }
}

/** Undefined where they are equal. */
export function firstDifference(left: number[], right: number[]): number | undefined {
  const longest = Math.max(left.length, right.length)
  for (let index = 0; index < longest; index += 1) if (left[index] !== right[index]) return index
  return undefined
}
