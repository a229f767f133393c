import { z } from 'zod'
import { errorInfo } from '../errors.ts'
import { sampling } from '../sidecar/generation.ts'
import { durationMs, rowId, timestampMs } from './common.ts'

/** One of the two models that are talked with. */
export const chatModel = z.object({
  resultId: rowId.optional().describe('A result of the project; absent for the checkpoint itself.'),
})
export type ChatModel = z.infer<typeof chatModel>

const form = z
  .enum(['template', 'text'])
  .describe("template: turns go through the tokenizer's chat template; text: the text so far is carried on.")
export type ChatForm = z.infer<typeof form>

const settings = z.object({
  models: z.tuple([chatModel, chatModel]).describe('Left and right. The right one is compared with the left one.'),
  form,
  sampling: sampling.describe('The same for both models, seed included.'),
  maxTokens: z.int().min(1).max(1_048_576).describe('Most tokens of each answer.'),
})
export type ChatSettings = z.infer<typeof settings>

/** How far an answer is, without its text. */
export const chatAnswerState = z.object({
  state: z
    .enum(['waiting', 'loading', 'answering', 'done', 'stopped', 'failed'])
    .describe('loading: the model is being read; stopped: by the person, or because the studio ended.'),
  tokens: z.int().min(0).describe('Tokens produced so far.'),
  promptTokens: z.int().min(0).optional().describe('Tokens of the prompt with all that goes before it.'),
  reusedTokens: z.int().min(0).optional().describe("Of these, taken from the cache of this model's turn before."),
  firstTokenMs: durationMs.optional().describe('Wait for the first token without loading the model, milliseconds.'),
  generationMs: durationMs.optional().describe('Time for the tokens after the first, milliseconds.'),
  stopReason: z.enum(['length', 'stop-token', 'context-full']).optional().describe('Why it ended.'),
  error: errorInfo.optional().describe('Present exactly when state is "failed".'),
})
export type ChatAnswerState = z.infer<typeof chatAnswerState>

const pieces = z.array(z.string()).describe('Text of each token, in order; "" where a character is not yet whole.')

export const chatAnswer = chatAnswerState.extend({ pieces })
export type ChatAnswer = z.infer<typeof chatAnswer>

/** Of the right answer, by token: how far the right model lies from the left one, both reading the right answer. */
export const chatDivergence = z.object({
  kl: z.array(z.number()).describe('KL(left ‖ right) in nats where each token was chosen, before sampling settings.'),
  logprobs: z.array(z.number()).describe('Natural log of the probability that the right model gives the token.'),
  leftLogprobs: z.array(z.number()).describe('Natural log of the probability that the left model gives it.'),
  sameTop: z.array(z.boolean()).describe('Whether both find the same token likeliest.'),
})
export type ChatDivergence = z.infer<typeof chatDivergence>

const turnState = {
  comparing: z.boolean().describe('Whether the divergence is being computed.'),
  firstDifference: z
    .int()
    .min(0)
    .optional()
    .describe('Index of the first token that the answers do not share; absent while unknown and where they are equal.'),
  divergence: chatDivergence.optional().describe('Present once it is computed.'),
  divergenceError: errorInfo.optional().describe('Why there is none.'),
}

/** One prompt and its two answers. */
export const chatTurn = settings.extend({
  id: rowId,
  prompt: z.string().describe('What the person wrote.'),
  answers: z.tuple([chatAnswer, chatAnswer]).describe('Left and right.'),
  ...turnState,
  createdAtMs: timestampMs,
})
export type ChatTurn = z.infer<typeof chatTurn>

export const chatSummary = z.object({
  id: rowId,
  title: z.string().describe('Beginning of the first prompt.'),
  turns: z.int().min(0).describe('Prompts sent.'),
  changedAtMs: timestampMs,
})
export type ChatSummary = z.infer<typeof chatSummary>

/** renderer → host. Conversations of a project, newest change first, and whether its tokenizer knows turns. */
export const chatListParams = z.object({ projectId: rowId })
export const chatListResult = z.object({
  chats: z.array(chatSummary),
  hasTemplate: z.boolean().describe('Whether the tokenizer of the checkpoint has a chat template.'),
  tokenizerError: errorInfo.optional().describe('Present where the tokenizer cannot be read: nothing can be sent.'),
})
export type ChatList = z.infer<typeof chatListResult>

/** renderer → host. A turn that is being answered comes as far as it is. Refused with not-found. */
export const chatGetParams = z.object({ projectId: rowId, chatId: rowId })
export const chatGetResult = z.object({ id: rowId, turns: z.array(chatTurn).describe('In order.') })
export type Chat = z.infer<typeof chatGetResult>

/**
 * renderer → host: begins a turn and answers at once; the answers come as events, the left one first, then the right
 * one, then what their comparison says. Refused as busy while another turn is being answered: two models are loaded at
 * a time, whoever asks.
 */
export const chatSendParams = settings.extend({
  projectId: rowId,
  chatId: rowId.optional().describe('The conversation to go on with; absent begins one.'),
  prompt: z.string().min(1).max(200_000).describe('What the person wrote.'),
})
export type ChatSendParams = z.infer<typeof chatSendParams>
export const chatSendResult = z.object({ chatId: rowId, turn: chatTurn })

/** renderer → host: ends the turn that is being answered; what was said stays. */
export const chatStopParams = z.object({ turnId: rowId })
export const chatStopResult = z.object({ found: z.boolean().describe('False when it had ended already.') })

/** renderer → host. Refused as busy while one of its turns is being answered. */
export const chatRemoveParams = z.object({ projectId: rowId, chatId: rowId })
export const chatRemoveResult = z.object({})

/** renderer → host: the page is left; models are unloaded, after the turn that is being answered. */
export const chatLeaveParams = z.object({})
export const chatLeaveResult = z.object({})

/** host → renderer, at most thirty a second: more of an answer. */
export const chatProduced = z.object({
  turnId: rowId,
  column: z.int().min(0).max(1).describe('0 left, 1 right.'),
  first: z.int().min(0).describe('Index of the first piece within the answer.'),
  pieces,
})
export type ChatProduced = z.infer<typeof chatProduced>

/** host → renderer: a turn went on to its next state. */
export const chatAdvanced = z.object({
  chatId: rowId,
  turnId: rowId,
  answers: z.tuple([chatAnswerState, chatAnswerState]).describe('Left and right.'),
  ended: z.boolean().describe('Whether nothing more comes.'),
  ...turnState,
})
export type ChatAdvanced = z.infer<typeof chatAdvanced>
