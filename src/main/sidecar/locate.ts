import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fail } from '../../shared/contract/studio-error.ts'

const NAME = process.platform === 'win32' ? 'squeeze-sidecar.exe' : 'squeeze-sidecar'

export type SidecarPlaces = {
  /** Folder with package.json. */
  root: string
  /** Electron's process.resourcesPath in a packaged studio. */
  resourcesPath?: string | undefined
  env?: NodeJS.ProcessEnv
}

/** Path of the native binary: SQUEEZE_SIDECAR, else the build folder, else the package's resources. */
export function locateSidecar({ root, resourcesPath, env = process.env }: SidecarPlaces): string {
  const named = env.SQUEEZE_SIDECAR
  if (named) {
    if (existsSync(named)) return named
    throw fail('file-not-found', `SQUEEZE_SIDECAR names ${named}, and there is no such file.`, {
      hint: 'Correct the variable or unset it.',
    })
  }
  const places = [join(root, 'build', 'release', NAME), ...(resourcesPath ? [join(resourcesPath, NAME)] : [])]
  const found = places.find((place) => existsSync(place))
  if (found) return found
  throw fail('file-not-found', `The sidecar is not built: there is no ${places.join(' and no ')}.`, {
    hint: 'Run "npm start" in the folder of the studio; it builds what is missing.',
  })
}

/** A package for Linux brings the libraries of the sidecar that not every system has, in a folder beside it. */
export function sidecarEnvironment(resourcesPath: string | undefined, env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const libraries = resourcesPath === undefined ? undefined : join(resourcesPath, 'lib')
  if (libraries === undefined || process.platform !== 'linux' || !existsSync(libraries)) return env
  return { ...env, LD_LIBRARY_PATH: [libraries, env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter) }
}
