import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { settings as schema, type Settings, type SettingsInSight } from '../../shared/contract/studio/settings.ts'
import { fail } from '../../shared/contract/studio-error.ts'

const DEFAULTS: Settings = { threads: 0, device: 'auto', memory: 'auto' }

/**
 * A file of its own and no table: a few values that are read when a job begins, that a person on a machine without a
 * display can change with an editor, and that need no migration when one is added.
 */
export function readSettings(home: string): Settings {
  const path = settingsPath(home)
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return DEFAULTS
    throw fail('file-unreadable', `${path} cannot be read: ${(cause as Error).message}`, {}, cause)
  }
  const found = schema.partial().safeParse(parsed(text))
  if (found.success) return { ...DEFAULTS, ...withoutGaps(found.data) }
  const [issue] = found.error.issues
  const where = issue?.path.join('.') || 'the file'
  throw fail('file-malformed', `${path} is damaged: ${where}: ${issue?.message}.`, {
    hint: 'Save the settings anew, or delete the file to begin with the usual ones.',
  })
}

/** Whole or not at all: a job that begins meanwhile reads the old file or the new one. */
export function writeSettings(home: string, settings: Settings): void {
  const path = settingsPath(home)
  const fresh = `${path}.${process.pid}.new`
  try {
    mkdirSync(home, { recursive: true })
    writeFileSync(fresh, `${JSON.stringify(settings, undefined, 2)}\n`)
    renameSync(fresh, path)
  } catch (cause) {
    rmSync(fresh, { force: true })
    throw fail('output-unwritable', `${path} cannot be written: ${(cause as Error).message}`, {}, cause)
  }
}

export function settingsInSight(home: string): SettingsInSight {
  return {
    settings: readSettings(home),
    paths: {
      home,
      projects: join(home, 'projects'),
      database: join(home, 'studio.db'),
      log: join(home, 'logs', 'sidecar.log'),
      settings: settingsPath(home),
    },
  }
}

function settingsPath(home: string): string {
  return join(home, 'settings.json')
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function withoutGaps(found: { [K in keyof Settings]?: Settings[K] | undefined }): Partial<Settings> {
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined))
}
