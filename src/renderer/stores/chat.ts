import { create } from 'zustand'
import type { ErrorInfo } from '../../shared/contract/errors.ts'
import type {
  Chat,
  ChatAdvanced,
  ChatList,
  ChatProduced,
  ChatSettings,
  ChatTurn,
} from '../../shared/contract/studio/index.ts'
import { client, refusalInfo } from '../bridge/index.ts'
import { onceLinked } from './link.ts'
import { makeLoader } from './remote.ts'

type State = {
  projectId: number | null
  list?: ChatList | undefined
  /** The conversation in sight; none before its first prompt. */
  chatId?: number | undefined
  /** Of the conversation in sight; absent while they are asked for. */
  turns?: ChatTurn[] | undefined
  /** What the person chose in place of the usual settings. */
  chosen: Partial<ChatSettings>
  error?: ErrorInfo | undefined
}

/** The conversations of the project in sight. Lives as long as the page; the host keeps the truth. */
export const useChat = create<State>(() => ({ projectId: null, chosen: {} }))

const { setState, getState } = useChat

const loadList = makeLoader<ChatList>(({ value, error }) => {
  if (error) return setState({ error })
  if (!value) return
  const first = getState().list === undefined
  setState({ list: value, error: undefined })
  if (first) showChat(value.chats[0]?.id)
})
const loadTurns = makeLoader<Chat>(({ value, error }) => {
  if (error) return setState({ error })
  // The person may be at another one by now.
  if (!value || value.id !== getState().chatId) return
  const { turns } = value
  // Settings follow the conversation, unless the person has changed them since.
  const last = turns.at(-1)
  const used = last && { models: last.models, form: last.form, sampling: last.sampling, maxTokens: last.maxTokens }
  setState(({ chosen }) => ({ turns, chosen: { ...used, ...chosen }, error: undefined }))
})

/** Shows the newest conversation of a project. */
export function openChats(projectId: number): void {
  if (getState().projectId !== projectId)
    setState({ projectId, list: undefined, chatId: undefined, turns: undefined, chosen: {}, error: undefined })
  reload()
}

/** Tells the host that nobody is here any more, so that it unloads the models. */
export function leaveChats(): void {
  client.call('chat.leave', {}).catch(() => undefined)
}

/** Shows a conversation, or with none a new one under the same settings. */
export function showChat(chatId: number | undefined): void {
  setState(({ chosen }) => ({
    chatId,
    turns: chatId === undefined ? [] : undefined,
    chosen: chatId === undefined ? chosen : {},
    error: undefined,
  }))
  void reloadTurns()
}

export function choose(part: Partial<ChatSettings>): void {
  setState(({ chosen }) => ({ chosen: { ...chosen, ...part } }))
}

/** True when the host took it. */
export async function send(prompt: string, settings: ChatSettings): Promise<boolean> {
  const { projectId, chatId: known } = getState()
  if (projectId === null) return false
  setState({ error: undefined })
  try {
    const asked = { projectId, ...(known === undefined ? {} : { chatId: known }), prompt, ...settings }
    const { chatId, turn } = await client.call('chat.send', asked)
    // The person may have gone elsewhere meanwhile.
    if (getState().projectId === projectId && getState().chatId === known)
      setState(({ turns }) => ({ chatId, turns: [...(turns ?? []), turn] }))
    reloadList()
    return true
  } catch (refused) {
    setState({ error: refusalInfo(refused) })
    return false
  }
}

export async function stop(turnId: number): Promise<void> {
  try {
    const { found } = await client.call('chat.stop', { turnId })
    if (!found) await reloadTurns()
  } catch (refused) {
    setState({ error: refusalInfo(refused) })
  }
}

export async function remove(chatId: number): Promise<void> {
  const { projectId, chatId: shown } = getState()
  if (projectId === null) return
  try {
    await client.call('chat.remove', { projectId, chatId })
    if (shown === chatId) showChat(undefined)
    reloadList()
  } catch (refused) {
    setState({ error: refusalInfo(refused) })
  }
}

/** Whether more of a turn is to come. */
export function isRunning({ answers, comparing }: ChatTurn): boolean {
  return comparing || answers.some(({ state }) => ['waiting', 'loading', 'answering'].includes(state))
}

function reload(): void {
  reloadList()
  void reloadTurns()
}

function reloadList(): void {
  const { projectId } = getState()
  if (projectId !== null) void loadList(() => client.call('chat.list', { projectId }))
}

async function reloadTurns(): Promise<void> {
  const { projectId, chatId } = getState()
  if (projectId !== null && chatId !== undefined) await loadTurns(() => client.call('chat.get', { projectId, chatId }))
}

function changeTurn(turnId: number, change: (turn: ChatTurn) => ChatTurn): void {
  setState(({ turns }) => ({ turns: turns?.map((turn) => (turn.id === turnId ? change(turn) : turn)) }))
}

/** Heard of and not yet in the state. */
const heard: ChatProduced[] = []

/** Once a frame at most: a page that is slow draws less often, and does not fall behind. */
function takePieces(produced: ChatProduced): void {
  heard.push(produced)
  if (heard.length === 1) requestAnimationFrame(drawPieces)
}

/** What was told twice takes the place of what was there; an answer that was asked for anew may be further already. */
function withPieces(known: string[], first: number, pieces: string[]): string[] {
  return [...known.slice(0, first), ...pieces, ...known.slice(first + pieces.length)]
}

let catchingUp = false

/** Asks for the turns once, however much is told until they come. */
function catchUp(): void {
  if (catchingUp) return
  catchingUp = true
  void reloadTurns().finally(() => (catchingUp = false))
}

function drawPieces(): void {
  for (const { turnId, column, first, pieces } of heard.splice(0)) {
    const known = getState().turns?.find(({ id }) => id === turnId)?.answers[column]
    if (!known) continue
    if (first > known.pieces.length) return catchUp()
    changeTurn(turnId, (turn) => {
      const answers = turn.answers.map((answer, index) =>
        index === column ? { ...answer, pieces: withPieces(answer.pieces, first, pieces) } : answer,
      ) as ChatTurn['answers']
      return { ...turn, answers }
    })
  }
}

function takeStates({ chatId, turnId, answers: states, ended, ...figures }: ChatAdvanced): void {
  drawPieces()
  if (chatId === getState().chatId)
    changeTurn(turnId, (turn) => {
      const answers = states.map((state, index) => ({
        ...state,
        pieces: turn.answers[index]?.pieces ?? [],
      })) as unknown as ChatTurn['answers']
      return { ...turn, ...figures, answers }
    })
  if (ended) reloadList()
}

client.on('chat.produced', takePieces)
client.on('chat.advanced', takeStates)
onceLinked(reload)
