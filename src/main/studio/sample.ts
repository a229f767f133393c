import { cpSync, existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fail } from '../../shared/contract/studio-error.ts'
import { sampleIn, samplePaths, type Sample } from './root.ts'

/** The sample and its texts, as the studio knows them. */
export type SampleSource = {
  /** Where they are, or will be once somebody takes them. */
  paths: Sample
  offered: () => boolean
  /** Sees to it that they are there. */
  take: () => Sample
}

/**
 * From the sources they are read where they lie. A package may lie elsewhere at the next start (an AppImage is mounted
 * anew each time), and projects keep the paths of what they were made from: there the sample is copied into the
 * studio's folder when it is first needed.
 */
export function sampleSource(places: { root: string; home: string; resourcesPath?: string | undefined }): SampleSource {
  const { root, home, resourcesPath } = places
  const isThere = (paths: Sample) => existsSync(join(paths.checkpoint, 'config.json'))
  if (resourcesPath === undefined) {
    const paths = samplePaths(root)
    return { paths, offered: () => isThere(paths), take: () => paths }
  }
  const packaged = sampleIn(join(resourcesPath, 'sample'))
  const paths = sampleIn(join(home, 'sample'))
  return {
    paths,
    offered: () => isThere(paths) || isThere(packaged),
    take: () => {
      if (!isThere(paths) && isThere(packaged)) copyWhole(packaged.checkpoint, paths.checkpoint, home)
      return paths
    },
  }
}

/** Under another name first: half a copy is none. */
function copyWhole(from: string, to: string, home: string): void {
  const part = join(home, `sample.${process.pid}.part`)
  try {
    mkdirSync(home, { recursive: true })
    rmSync(to, { recursive: true, force: true })
    cpSync(from, part, { recursive: true })
    renameSync(part, to)
  } catch (cause) {
    rmSync(part, { recursive: true, force: true })
    const why = cause instanceof Error ? cause.message : String(cause)
    throw fail('output-unwritable', `The sample cannot be copied to ${to}: ${why}`, {}, cause)
  }
}
