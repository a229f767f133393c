import { hostname } from 'node:os'
import { join } from 'node:path'
import { CONTRACT_HASH } from '../../shared/contract/contract-hash.ts'
import { endJob, listRunningJobs, openDatabase, type Database } from '../db/index.ts'
import { createSidecar, locateSidecar, sidecarEnvironment, type Sidecar } from '../sidecar/index.ts'
import { makeBackground, type Background } from './background.ts'
import { usualPlaces, type Place } from './folders.ts'
import { resolveHome } from './home.ts'
import { findRoot } from './root.ts'
import { sampleSource, type SampleSource } from './sample.ts'
import { readSettings } from './settings.ts'

export type StudioOptions = {
  /** The studio's folder; SQUEEZE_HOME or the platform's place when absent. */
  home?: string | undefined
  /** Electron's process.resourcesPath in a packaged studio. */
  resourcesPath?: string | undefined
  env?: NodeJS.ProcessEnv
  /** How long a cancelled job may take to end before its process is ended, milliseconds. */
  cancelGraceMs?: number
  /** Folders besides the usual ones that the page may look through for checkpoints. */
  folders?: string[] | undefined
  /** False leaves no trace in the studio's folder: no log file. */
  keepLog?: boolean
}

/** What every use case is handed. */
export type Context = {
  home: string
  /** Folder of the program. */
  root: string
  version: string
  sample: SampleSource
  sidecar: Sidecar
  background: Background
  /** Where the page may look for checkpoints. */
  places: Place[]
  /** Where the sidecar's binary is; throws where there is none. */
  sidecarPath: () => string
  /** Opened on first use, so that what records nothing needs no database. */
  database: () => Database
  close: () => Promise<void>
}

export function createContext(options: StudioOptions): Context {
  const env = options.env ?? process.env
  const home = resolveHome(options.home, env)
  const { folder: root, version } = findRoot()
  const sidecarPath = () => locateSidecar({ root, resourcesPath: options.resourcesPath, env })
  const sidecar = createSidecar({
    command: () => ({ path: sidecarPath(), env: sidecarEnvironment(options.resourcesPath, env) }),
    contractHash: CONTRACT_HASH,
    hostVersion: version,
    logFile: options.keepLog === false ? undefined : join(home, 'logs', 'sidecar.log'),
    ...(options.cancelGraceMs === undefined ? {} : { cancelGraceMs: options.cancelGraceMs }),
  })
  const background = makeBackground(() => readSettings(home))
  let database: Database | undefined
  return {
    home,
    root,
    version,
    sample: sampleSource({ root, home, resourcesPath: options.resourcesPath }),
    sidecar,
    background,
    places: usualPlaces(home, options.folders, env),
    sidecarPath,
    database() {
      if (!database) {
        database = openDatabase(home)
        endLostJobs(database, true)
      }
      return database
    },
    async close() {
      const ended = background.close()
      await sidecar.close()
      await ended
      database?.close()
    },
  }
}

/** Jobs of this machine whose process is gone will not end any more. */
export function endLostJobs(database: Database, ownAreLost: boolean): void {
  for (const job of listRunningJobs(database)) {
    const ours = job.host === hostname()
    // Our own number on a job that we have not started: a process of an earlier life had it.
    const lost = job.processId === process.pid ? ownAreLost : !isAlive(job.processId)
    if (ours && lost) endJob(database, job.id, { state: 'interrupted', now: Date.now() })
  }
}

function isAlive(processId: number): boolean {
  try {
    process.kill(processId, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
