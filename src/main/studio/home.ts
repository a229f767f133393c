import { homedir } from 'node:os'
import { join, resolve } from 'node:path'

/** The studio's folder: what was asked for, else SQUEEZE_HOME, else where the platform keeps a program's data. */
export function resolveHome(asked: string | undefined, env: NodeJS.ProcessEnv = process.env): string {
  const named = asked ?? env.SQUEEZE_HOME
  if (named) return resolve(named)
  const { platform } = process
  if (platform === 'darwin') return join(homedir(), 'Library', 'Application Support', 'Squeeze Studio')
  if (platform === 'win32') return join(env.APPDATA ?? join(homedir(), 'AppData', 'Roaming'), 'Squeeze Studio')
  // The XDG specification says that a relative path there is to be ignored.
  const data = env.XDG_DATA_HOME?.startsWith('/') ? env.XDG_DATA_HOME : join(homedir(), '.local', 'share')
  return join(data, 'squeeze-studio')
}

export function projectFolder(home: string, slug: string): string {
  return join(home, 'projects', slug)
}
