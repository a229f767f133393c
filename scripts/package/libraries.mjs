import { copyFileSync, existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs'
import { basename, join } from 'node:path'
import { ask, StepFailed } from '../lib/run.mjs'

/** What every Linux with a desktop has, and what must be the system's own for the rest of it to work. */
const OF_THE_SYSTEM = /^(linux-vdso|ld-linux|lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s)\.so)/

/** Libraries that `ldd` names, as { name, path }, but for those of the system; throws for one that is missing. */
export function librariesIn(lddOutput) {
  return lddOutput.split('\n').flatMap((line) => {
    const [, name, path] = /^\s*(\S+)(?: => (not found|\S+))?/.exec(line) ?? []
    if (name === undefined || path === undefined || OF_THE_SYSTEM.test(basename(name))) return []
    if (path === 'not found') throw new StepFailed(`The sidecar needs ${name}, which is not here.`)
    return [{ name, path }]
  })
}

/**
 * Puts what the package needs beside the sidecar into `folder`: its libraries in lib, what their packages say of their
 * licences in licenses. Only Linux's way of linking is known here; elsewhere the sidecar goes alone.
 */
export function gatherLibraries(sidecar, folder) {
  rmSync(folder, { recursive: true, force: true })
  for (const part of ['lib', 'licenses']) mkdirSync(join(folder, part), { recursive: true })
  if (process.platform !== 'linux') return []
  const output = ask('ldd', [sidecar])
  if (output === undefined) throw new StepFailed(`ldd cannot read ${sidecar}.`)
  const libraries = librariesIn(output)
  for (const { name, path } of libraries) {
    copyFileSync(realpathSync(path), join(folder, 'lib', name))
    copyFileSync(licenceOf(path), join(folder, 'licenses', `${name}.txt`))
  }
  return libraries.map(({ name }) => name)
}

/** Debian keeps it with the package that owns the file, which it knows by one of its names. */
function licenceOf(library) {
  const names = [library, realpathSync(library), library.replace(/^\/lib\//, '/usr/lib/')]
  const owner = names.map((name) => ask('dpkg', ['-S', name])).find((answer) => answer !== undefined)
  const [name] = owner?.split(':') ?? []
  const file = join('/usr/share/doc', String(name), 'copyright')
  if (existsSync(file)) return file
  throw new StepFailed(
    `Nothing says under which licence ${library} may be handed on; packages are made on Debian or Ubuntu.`,
  )
}
