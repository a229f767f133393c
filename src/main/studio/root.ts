import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fail } from '../../shared/contract/studio-error.ts'

export type Root = {
  /** Folder with package.json, from which resources and builds are found. */
  folder: string
  version: string
}

/** Looks upwards from this file, which runs from the sources, from out/main and from a package alike. */
export function findRoot(from = import.meta.dirname): Root {
  for (let folder = from; ; folder = dirname(folder)) {
    const file = join(folder, 'package.json')
    if (existsSync(file)) {
      const { name, version } = JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string }
      if (name === 'squeeze-studio') return { folder, version: version ?? '0.0.0' }
    }
    if (dirname(folder) === folder) throw fail('internal', `No package.json of the studio above ${from}.`)
  }
}

/** Bundled texts and the sample checkpoint. */
export type Sample = { checkpoint: string; calibrationText: string; heldoutText: string }

/** As they lie in the program's own folder. */
export function samplePaths(root: string): Sample {
  return sampleIn(join(root, 'resources', 'sample'))
}

export function sampleIn(folder: string): Sample {
  return {
    checkpoint: folder,
    calibrationText: join(folder, 'calibration.txt'),
    heldoutText: join(folder, 'heldout.txt'),
  }
}
