import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import BetterSqlite3, { type Database } from 'better-sqlite3'
import { fail } from '../../shared/contract/studio-error.ts'
import { migrate } from './migrate.ts'
import { migrations } from './migrations/index.ts'

export type { Database } from 'better-sqlite3'

/** Opens studio.db in the studio's folder, makes it when it is not there, and brings it up to date. */
export function openDatabase(home: string): Database {
  const database = openFile(home)
  try {
    // Several studios may share a folder: readers never wait, writers wait for each other.
    database.pragma('busy_timeout = 10000')
    database.pragma('journal_mode = WAL')
    database.pragma('synchronous = NORMAL')
    database.pragma('foreign_keys = ON')
    migrate(database, migrations)
    return database
  } catch (error) {
    database.close()
    if (error instanceof BetterSqlite3.SqliteError && /^SQLITE_(NOTADB|CORRUPT)/.test(error.code)) {
      const what = error.code === 'SQLITE_NOTADB' ? 'is not a database of the studio' : 'is damaged'
      const message = `${join(home, 'studio.db')} ${what}.`
      throw fail('file-malformed', message, { hint: 'Move it away, or choose another folder with --home.' }, error)
    }
    throw error
  }
}

function openFile(home: string): Database {
  try {
    mkdirSync(home, { recursive: true })
    return new BetterSqlite3(join(home, 'studio.db'))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    const hint = 'Choose another folder with --home or SQUEEZE_HOME, or leave recording out with --no-project.'
    throw fail('output-unwritable', `The studio's folder ${home} cannot be used: ${why}`, { hint }, cause)
  }
}

/** Grows with every change of the rows, whichever process makes it. */
export function dataVersion(database: Database): number {
  // The pragma tells of other connections only, the function of our own only.
  const others = database.pragma('data_version', { simple: true }) as number
  return others + (database.prepare('SELECT total_changes()').pluck().get() as number)
}
