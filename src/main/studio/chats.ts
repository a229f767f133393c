import type {
  Chat,
  ChatAnswer,
  ChatList,
  ChatModel,
  ChatSendParams,
  ChatTurn,
  StudioNotice,
} from '../../shared/contract/studio/index.ts'
import { fail, toErrorInfo } from '../../shared/contract/studio-error.ts'
import {
  insertChat,
  insertTurn,
  listChats,
  listResults,
  listTurns,
  removeChat,
  updateTurn,
  type ProjectRow,
} from '../db/index.ts'
import { loadTokenizer } from '../text/index.ts'
import { makeChatModels } from './chat-models.ts'
import { answerTurn } from './chat-turn.ts'
import type { Context } from './context.ts'
import { projectRow } from './projects.ts'
import { quietly, stored } from './recording.ts'

const TITLE_CHARACTERS = 80
const SAVE_EVERY_MS = 5000

/** Conversations with two models side by side, as pages hold them. */
export type Chats = {
  list: (projectId: number) => Promise<ChatList>
  get: (projectId: number, chatId: number) => Chat
  send: (params: ChatSendParams) => { chatId: number; turn: ChatTurn }
  stop: (turnId: number) => boolean
  remove: (projectId: number, chatId: number) => void
  leave: () => Promise<void>
  /** Tells of what is said. Returns a function that ends the subscription. */
  subscribe: (listener: (notice: StudioNotice) => void) => () => void
}

type Running = { chatId: number; turn: ChatTurn; controller: AbortController }

export function makeChats(context: Context): Chats {
  const listeners = new Set<(notice: StudioNotice) => void>()
  const models = makeChatModels(context)
  let running: Running | undefined
  let left = false

  function tell(notice: StudioNotice): void {
    for (const listener of listeners) listener(notice)
  }

  function turnsOf(chatId: number): ChatTurn[] {
    return listTurns(context.database(), chatId).map((turn) =>
      turn.id === running?.turn.id ? structuredClone(running.turn) : asEnded(turn),
    )
  }

  function checkChat(projectId: number, chatId: number): void {
    const known = listChats(context.database(), projectId).some(({ id }) => id === chatId)
    if (!known) throw fail('not-found', `Project ${projectId} has no conversation ${chatId}.`)
  }

  function send(params: ChatSendParams): { chatId: number; turn: ChatTurn } {
    const { projectId, chatId: known, prompt, ...settings } = params
    const database = context.database()
    const project = projectRow(context, projectId)
    const paths = settings.models.map((model) => pathOf(context, project, model))
    if (known !== undefined) checkChat(projectId, known)
    if (running) {
      throw fail('busy', 'Another prompt is being answered.', {
        hint: 'Wait for it, or stop it where it was sent.',
        retryable: true,
      })
    }
    const earlier = known === undefined ? [] : turnsOf(known)
    const now = Date.now()
    const answers: ChatTurn['answers'] = [noAnswer(), noAnswer()]
    const title = prompt.replaceAll(/\s+/g, ' ').trim().slice(0, TITLE_CHARACTERS)
    const { chatId, id } = stored(() => {
      const chat = known ?? insertChat(database, { projectId, title, now })
      return { chatId: chat, id: insertTurn(database, { chatId: chat, prompt, settings, answers, now }) }
    })
    const turn: ChatTurn = { id, prompt, ...settings, answers, comparing: false, createdAtMs: now }
    running = { chatId, turn, controller: new AbortController() }
    left = false
    // The answer to this request goes first, so that a page knows the turn before it hears of it.
    const { controller } = running
    setImmediate(() => void run({ chatId, turn, controller }, earlier, paths))
    return { chatId, turn: structuredClone(turn) }
  }

  async function run({ chatId, turn, controller }: Running, earlier: ChatTurn[], paths: string[]): Promise<void> {
    let savedAt = Date.now()
    const save = () => {
      const database = context.database()
      // The studio may have closed under it.
      if (database.open) quietly(() => updateTurn(database, turn))
      savedAt = Date.now()
    }
    const advanced = (ended: boolean) => {
      const { id, answers, comparing, firstDifference, divergence, divergenceError } = turn
      const states = answers.map(({ pieces: _pieces, ...state }) => state) as unknown as ChatTurn['answers']
      const figures = { comparing, firstDifference, divergence, divergenceError }
      tell({ event: 'chat.advanced', payload: { chatId, turnId: id, answers: states, ended, ...figures } })
    }
    try {
      await models.keep(paths)
      await answerTurn(models, paths, turn, earlier, controller.signal, {
        advanced: () => {
          save()
          advanced(false)
        },
        produced: (column, first, pieces) => {
          tell({ event: 'chat.produced', payload: { turnId: turn.id, column, first, pieces } })
          if (Date.now() - savedAt > SAVE_EVERY_MS) save()
        },
      })
    } catch (error) {
      turn.divergenceError = toErrorInfo(error)
    }
    running = undefined
    save()
    advanced(true)
    if (left) await models.keep([])
  }

  return {
    list: async (projectId) => {
      const { path } = projectRow(context, projectId)
      const chats = listChats(context.database(), projectId)
      try {
        return { chats, hasTemplate: (await loadTokenizer(path)).hasChatTemplate }
      } catch (error) {
        return { chats, hasTemplate: false, tokenizerError: toErrorInfo(error) }
      }
    },
    get: (projectId, chatId) => {
      checkChat(projectId, chatId)
      return { id: chatId, turns: turnsOf(chatId) }
    },
    send,
    stop: (turnId) => {
      if (running?.turn.id !== turnId) return false
      running.controller.abort()
      return true
    },
    remove: (projectId, chatId) => {
      if (running?.chatId === chatId) throw fail('busy', 'This conversation is being answered.', { hint: 'Stop it.' })
      if (!stored(() => removeChat(context.database(), projectId, chatId)))
        throw fail('not-found', `Project ${projectId} has no conversation ${chatId}.`)
    },
    leave: async () => {
      left = true
      if (!running) await models.keep([])
    },
    subscribe: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

function noAnswer(): ChatAnswer {
  return { state: 'waiting', tokens: 0, pieces: [] }
}

/** A turn that no one answers any more, as its process left it. */
function asEnded(turn: ChatTurn): ChatTurn {
  const answers = turn.answers.map((answer) =>
    ['waiting', 'loading', 'answering'].includes(answer.state) ? { ...answer, state: 'stopped' } : answer,
  ) as ChatTurn['answers']
  return { ...turn, answers }
}

/** A page names rows; paths come from the database alone. */
function pathOf(context: Context, project: ProjectRow, { resultId }: ChatModel): string {
  if (resultId === undefined) return project.path
  const result = listResults(context.database(), project.id).find(({ id }) => id === resultId)
  if (result) return result.path
  throw fail('not-found', `Project ${project.id} has no result ${resultId}.`, { hint: 'Choose another model.' })
}
