import { StudioError } from '../../shared/contract/studio-error.ts'
import { openChat, type ChatSession } from './chat.ts'
import type { Context } from './context.ts'

/** Nobody has said anything for so long: the memory is of more use to others. */
const IDLE_MS = 10 * 60_000

/** The models that pages talk with. They stay loaded between prompts; two at a time, whoever asks. */
export type ChatModels = {
  /** Unloads all but these. */
  keep: (paths: string[]) => Promise<void>
  /** Hands over the models at these paths, loaded if need be. One path may stand twice. */
  use: <T>(paths: string[], work: (sessions: ChatSession[]) => Promise<T>) => Promise<T>
  /** Whether using these would have to load one first. */
  areLoaded: (paths: string[]) => boolean
}

export function makeChatModels(context: Context): ChatModels {
  const loaded = new Map<string, ChatSession>()
  let idle: NodeJS.Timeout | undefined

  async function keep(paths: string[]): Promise<void> {
    for (const [path, session] of loaded) {
      if (paths.includes(path)) continue
      loaded.delete(path)
      await session.close()
    }
  }

  async function load(path: string): Promise<ChatSession> {
    const known = loaded.get(path)
    if (known) return known
    // A conversation is its own record: it makes no row among the jobs.
    const session = await openChat(context, { model: path }, { record: false })
    loaded.set(path, session)
    return session
  }

  async function once<T>(paths: string[], work: (sessions: ChatSession[]) => Promise<T>): Promise<T> {
    const sessions: ChatSession[] = []
    for (const path of paths) sessions.push(await load(path))
    return work(sessions)
  }

  return {
    keep,
    async use(paths, work) {
      clearTimeout(idle)
      try {
        return await once(paths, work)
      } catch (error) {
        // The sidecar was started anew meanwhile and has forgotten them; nothing was said yet.
        if (!(error instanceof StudioError && error.code === 'not-found')) throw error
        loaded.clear()
        return await once(paths, work)
      } finally {
        idle = setTimeout(() => void keep([]), IDLE_MS).unref()
      }
    },
    areLoaded: (paths) => paths.every((path) => loaded.has(path)),
  }
}
