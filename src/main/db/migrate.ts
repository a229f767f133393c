import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Database } from 'better-sqlite3'
import { fail } from '../../shared/contract/studio-error.ts'

export type Migration = { name: string; sql: string }

/**
 * Brings a database up to date. Each migration is one transaction that also raises `user_version`, so a failure leaves
 * the last good version; before the first one runs, a database with content is copied into backups/ beside it.
 * Another process that opens the same file meanwhile waits for the lock and then finds nothing left to do.
 */
export function migrate(database: Database, migrations: Migration[]): void {
  refuseNewer(database, migrations.length)
  if (versionOf(database) === migrations.length) return
  if (versionOf(database) > 0) backUp(database)
  for (const [index, migration] of migrations.entries()) {
    const step = database.transaction(() => {
      if (versionOf(database) > index) return
      database.exec(migration.sql)
      database.pragma(`user_version = ${index + 1}`)
    })
    try {
      step.immediate()
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      const message = `The studio's database ${database.name} cannot be brought up to date: ${migration.name} failed (${why}).`
      throw fail('internal', message, { hint: 'Nothing of it was changed by that step.' }, cause)
    }
  }
}

export function versionOf(database: Database): number {
  return database.pragma('user_version', { simple: true }) as number
}

function refuseNewer(database: Database, known: number): void {
  const found = versionOf(database)
  if (found <= known) return
  throw fail(
    'file-unreadable',
    `The studio's database ${database.name} has version ${found}, and this studio knows versions up to ${known}.`,
    { hint: 'Use the newer studio, or another folder with --home.' },
  )
}

function backUp(database: Database): void {
  const folder = join(dirname(database.name), 'backups')
  mkdirSync(folder, { recursive: true })
  const time = new Date().toISOString().replaceAll(/[:.]/g, '-')
  // A copy through SQLite, because the newest rows may still be in the write-ahead log.
  database.prepare('VACUUM INTO ?').run(join(folder, `studio-v${versionOf(database)}-${time}.db`))
}
