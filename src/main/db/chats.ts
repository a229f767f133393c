import type { ChatSettings, ChatSummary, ChatTurn } from '../../shared/contract/studio/index.ts'
import type { Database } from './open.ts'

type Comparison = Pick<ChatTurn, 'firstDifference' | 'divergence' | 'divergenceError'>
type Stored = { id: number; prompt: string; settings: string; answers: string; comparison: string; createdAtMs: number }

/** Newest change first. */
export function listChats(database: Database, projectId: number): ChatSummary[] {
  return database
    .prepare(
      `SELECT id, title, changed_at AS changedAtMs, (SELECT count(*) FROM chat_turns WHERE chat_id = chats.id) AS turns
       FROM chats WHERE project_id = ? ORDER BY changed_at DESC, id DESC`,
    )
    .all(projectId) as ChatSummary[]
}

export function insertChat(database: Database, entry: { projectId: number; title: string; now: number }): number {
  return Number(
    database
      .prepare('INSERT INTO chats (project_id, title, changed_at) VALUES (?, ?, ?)')
      .run(entry.projectId, entry.title, entry.now).lastInsertRowid,
  )
}

/** False when the project has no such conversation. */
export function removeChat(database: Database, projectId: number, chatId: number): boolean {
  return database.prepare('DELETE FROM chats WHERE project_id = ? AND id = ?').run(projectId, chatId).changes > 0
}

export function insertTurn(
  database: Database,
  entry: { chatId: number; prompt: string; settings: ChatSettings; answers: ChatTurn['answers']; now: number },
): number {
  const save = database.transaction(() => {
    database.prepare('UPDATE chats SET changed_at = ? WHERE id = ?').run(entry.now, entry.chatId)
    return Number(
      database
        .prepare(
          `INSERT INTO chat_turns (chat_id, prompt, settings, answers, comparison, created_at)
           VALUES (?, ?, ?, ?, '{}', ?)`,
        )
        .run(entry.chatId, entry.prompt, JSON.stringify(entry.settings), JSON.stringify(entry.answers), entry.now)
        .lastInsertRowid,
    )
  })
  return save.immediate()
}

export function updateTurn(database: Database, turn: ChatTurn): void {
  const { firstDifference, divergence, divergenceError } = turn
  database
    .prepare('UPDATE chat_turns SET answers = ?, comparison = ? WHERE id = ?')
    .run(JSON.stringify(turn.answers), JSON.stringify({ firstDifference, divergence, divergenceError }), turn.id)
}

/** In order. */
export function listTurns(database: Database, chatId: number): ChatTurn[] {
  const rows = database
    .prepare(
      `SELECT id, prompt, settings, answers, comparison, created_at AS createdAtMs
       FROM chat_turns WHERE chat_id = ? ORDER BY id`,
    )
    .all(chatId) as Stored[]
  return rows.map(({ settings, answers, comparison, ...row }) => ({
    ...row,
    ...(JSON.parse(settings) as ChatSettings),
    answers: JSON.parse(answers) as ChatTurn['answers'],
    ...(JSON.parse(comparison) as Comparison),
    comparing: false,
  }))
}
