/**
 * Folders as the page may look through them on its way to a checkpoint or a text. What may be seen ends at the places: every path
 * is resolved to where it really is before it is compared with them, so that neither ".." nor a link leads out.
 */
import type { Dirent } from 'node:fs'
import { readdir, realpath, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { basename, extname, isAbsolute, join, parse, relative, resolve, sep } from 'node:path'
import type { FolderEntry, FolderListing } from '../../shared/contract/studio/folder.ts'
import { fail } from '../../shared/contract/studio-error.ts'
import { TEXT_EXTENSIONS } from '../text/index.ts'

/** A folder where looking may begin. All that lies in it may be seen. */
export type Place = { name: string; path: string }

/** More than a person reads. A folder with so many is better named by its path. */
const MOST_ENTRIES = 500

const WEIGHTS = '.safetensors'
type Wanted = 'checkpoint' | 'text'
const SINGLE_FILES: Record<Wanted, Set<string>> = {
  checkpoint: new Set([WEIGHTS, '.gguf']),
  text: new Set(TEXT_EXTENSIONS),
}

/** The person's own folder, where models are kept, where the studio was started, its own folder, and those named. */
export function usualPlaces(
  studioHome: string,
  named: string[] = [],
  env: NodeJS.ProcessEnv = process.env,
  startedIn = process.cwd(),
): Place[] {
  const models = env.HF_HUB_CACHE ?? join(env.HF_HOME ?? join(homedir(), '.cache', 'huggingface'), 'hub')
  // A window that is opened from a desktop starts in the root of the disk, which nobody chose.
  const chosen = parse(startedIn).root === startedIn ? [] : [{ name: 'Started here', path: startedIn }]
  return [
    ...named.map((path) => ({ name: basename(resolve(path)) || path, path: resolve(path) })),
    { name: 'Home', path: homedir() },
    ...chosen,
    { name: 'Hugging Face cache', path: models },
    { name: 'Studio’s folder', path: studioHome },
  ]
}

/** Without a path, the places that there are. */
export async function listFolder(
  places: Place[],
  path?: string,
  wanted: Wanted = 'checkpoint',
): Promise<FolderListing> {
  const roots = await existing(places)
  if (path === undefined) {
    const entries = await Promise.all(roots.map(async (place) => ({ ...place, ...(await weightsOf(place.path)) })))
    return { trail: [], isCheckpoint: false, texts: 0, entries, leftOut: 0 }
  }
  const folder = await resolveWithin(roots, path)
  const found = await read(folder)
  const entries = await describeAll(roots, folder, found, wanted)
  const { kind, ...weights }: Weights = wanted === 'text' ? { kind: 'folder' } : await weightsIn(folder, found)
  const trail = trailOf(roots, folder)
  return { trail, isCheckpoint: kind === 'checkpoint', ...weights, texts: textsIn(found, wanted), ...entries }
}

/** The places with their real paths, each once. */
async function existing(places: Place[]): Promise<Place[]> {
  const known = new Map<string, Place>()
  for (const { name, path } of places) {
    const real = await realpath(path).catch(() => undefined)
    if (real !== undefined && !known.has(real)) known.set(real, { name, path: real })
  }
  return [...known.values()]
}

async function resolveWithin(roots: Place[], path: string): Promise<string> {
  if (!isAbsolute(path)) throw fail('invalid-request', `${path} is no absolute path.`)
  const real = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    // What is or is not there outside of the places is nobody's business.
    throw isWithin(roots, resolve(path)) ? unreadable(error, path) : outside(path)
  })
  if (!isWithin(roots, real)) throw outside(path)
  return real
}

async function read(folder: string): Promise<Dirent[]> {
  return readdir(folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw unreadable(error, folder)
  })
}

/** As reading the folder would find them. */
function textsIn(found: Dirent[], wanted: Wanted): number {
  if (wanted !== 'text') return 0
  return found.filter((entry) => entry.isFile() && SINGLE_FILES.text.has(extname(entry.name).toLowerCase())).length
}

async function describeAll(
  roots: Place[],
  folder: string,
  found: Dirent[],
  wanted: Wanted,
): Promise<Pick<FolderListing, 'entries' | 'leftOut'>> {
  const names = found.map(({ name }) => name).filter((name) => !name.startsWith('.'))
  names.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
  const kinds = new Map(found.map((entry) => [entry.name, entry]))
  const candidates = names.filter((name) => {
    const entry = kinds.get(name)
    return entry?.isDirectory() || entry?.isSymbolicLink() || SINGLE_FILES[wanted].has(extname(name).toLowerCase())
  })
  const shown = candidates.slice(0, MOST_ENTRIES)
  const described = await Promise.all(shown.map((name) => describe(roots, join(folder, name), wanted)))
  const entries = described.filter((entry) => entry !== undefined)
  const isFile = ({ kind }: FolderEntry) => kind === 'file' || kind === 'text'
  const folders = entries.filter((entry) => !isFile(entry))
  const files = entries.filter(isFile)
  return { entries: [...folders, ...files], leftOut: candidates.length - shown.length }
}

/** Nothing for what leads out of the places, is gone, or is neither a folder nor what is wanted. */
async function describe(roots: Place[], path: string, wanted: Wanted): Promise<FolderEntry | undefined> {
  const real = await realpath(path).catch(() => undefined)
  if (real === undefined || !isWithin(roots, real)) return undefined
  const found = await stat(real).catch(() => undefined)
  const name = basename(path)
  if (found?.isDirectory()) return { name, path, ...(wanted === 'text' ? { kind: 'folder' } : await weightsOf(real)) }
  // The Hugging Face cache keeps files under their hashes: the name of the link says what it is.
  if (!found?.isFile() || !SINGLE_FILES[wanted].has(extname(name).toLowerCase())) return undefined
  if (wanted === 'text') return { name, path, kind: 'text', textBytes: found.size }
  return { name, path, kind: 'file', weightBytes: found.size }
}

type Weights = Pick<FolderEntry, 'kind' | 'weightBytes'>

/** A folder that cannot be read is a folder still; going in says why not. */
async function weightsOf(folder: string): Promise<Weights> {
  const found = await readdir(folder, { withFileTypes: true }).catch(() => [])
  return weightsIn(folder, found)
}

async function weightsIn(folder: string, found: Dirent[]): Promise<Weights> {
  const weights = found.filter(({ name }) => name.endsWith(WEIGHTS))
  if (weights.length === 0 || !found.some(({ name }) => name === 'config.json')) return { kind: 'folder' }
  const sizes = weights.map(({ name }) =>
    stat(join(folder, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  )
  const weightBytes = (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
  return { kind: 'checkpoint', weightBytes }
}

/** From the outermost place that holds the folder, so that the way up is as long as it may be. */
function trailOf(roots: Place[], folder: string): FolderListing['trail'] {
  const [place] = roots.filter(({ path }) => isInside(path, folder)).toSorted((a, b) => a.path.length - b.path.length)
  if (!place) return []
  const trail = [place]
  for (const name of relative(place.path, folder).split(sep).filter(Boolean)) {
    trail.push({ name, path: join(trail.at(-1)?.path ?? place.path, name) })
  }
  return trail
}

function isWithin(roots: Place[], path: string): boolean {
  return roots.some((root) => isInside(root.path, path))
}

function isInside(root: string, path: string): boolean {
  const way = relative(root, path)
  return way === '' || (way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way))
}

function outside(path: string): Error {
  return fail('file-unreadable', `${path} lies outside of the folders that the studio shows.`, {
    hint: 'Type its path to open it, or start the studio with squeeze serve --root and that folder.',
  })
}

function unreadable(error: NodeJS.ErrnoException, path: string): Error {
  if (error.code === 'ENOENT') return fail('file-not-found', `There is no ${path}.`, {}, error)
  if (error.code === 'ENOTDIR') return fail('invalid-request', `${path} is not a folder.`, {}, error)
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return fail('file-unreadable', `${path} may not be read by this user.`, { hint: 'Change its permissions.' }, error)
  }
  return fail('file-unreadable', `${path} could not be read: ${error.message}`, {}, error)
}
