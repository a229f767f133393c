import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { folderWith, temporaryFolder } from '../../../test/fixtures/folders.ts'
import { listFolder, usualPlaces } from './folders.ts'

/** A place with a checkpoint, a plain folder, single files and what is not to be seen. */
function place() {
  const path = folderWith({
    'model-10/config.json': '{}',
    'model-10/model-1.safetensors': 'abc',
    'model-10/model-2.safetensors': 'abcd',
    'model-9/config.json': '{}',
    'plain/deeper/notes.txt': '',
    'single.safetensors': 'ab',
    'other.GGUF': 'a',
    'notes.txt': '',
    '.hidden/config.json': '{}',
  })
  return { name: 'Place', path }
}

describe('a listing', () => {
  it('marks checkpoints with their size, orders numbers as numbers, and leaves out what is hidden or of no use', async () => {
    const root = place()
    const { entries, trail, isCheckpoint, leftOut } = await listFolder([root], root.path)
    expect(entries).toEqual([
      { name: 'model-9', path: join(root.path, 'model-9'), kind: 'folder' },
      { name: 'model-10', path: join(root.path, 'model-10'), kind: 'checkpoint', weightBytes: 7 },
      { name: 'plain', path: join(root.path, 'plain'), kind: 'folder' },
      { name: 'other.GGUF', path: join(root.path, 'other.GGUF'), kind: 'file', weightBytes: 1 },
      { name: 'single.safetensors', path: join(root.path, 'single.safetensors'), kind: 'file', weightBytes: 2 },
    ])
    expect({ trail, isCheckpoint, leftOut }).toEqual({ trail: [root], isCheckpoint: false, leftOut: 0 })
  })

  it('begins with the places that there are, each once', async () => {
    const root = place()
    const again = { name: 'Again', path: join(root.path, 'plain', '..') }
    const nowhere = { name: 'Nowhere', path: join(root.path, 'nowhere') }
    const { entries, trail } = await listFolder([root, again, nowhere])
    expect(entries).toEqual([{ ...root, kind: 'folder' }])
    expect(trail).toEqual([])
  })

  it('says that the folder itself is a checkpoint, and the way to it', async () => {
    const root = place()
    const path = join(root.path, 'model-10')
    expect(await listFolder([root], path)).toMatchObject({
      trail: [root, { name: 'model-10', path }],
      isCheckpoint: true,
      weightBytes: 7,
    })
  })

  it('leads up through the outer one of two places', async () => {
    const root = place()
    const inner = { name: 'Inner', path: join(root.path, 'plain') }
    const { trail } = await listFolder([inner, root], join(inner.path, 'deeper'))
    expect(trail.map(({ name }) => name)).toEqual(['Place', 'plain', 'deeper'])
  })

  it('follows links that stay inside, as the Hugging Face cache has them', async () => {
    const root = place()
    writeFileSync(join(root.path, 'plain', 'c0ffee'), 'abcde')
    symlinkSync(join(root.path, 'plain', 'c0ffee'), join(root.path, 'plain', 'linked.safetensors'))
    symlinkSync(join(root.path, 'model-10'), join(root.path, 'plain', 'linked'))
    const { entries } = await listFolder([root], join(root.path, 'plain'))
    expect(entries.slice(1)).toMatchObject([
      { name: 'linked', kind: 'checkpoint' },
      { name: 'linked.safetensors', kind: 'file', weightBytes: 5 },
    ])
  })

  it('ends at a limit, and says how many are left out', async () => {
    const path = temporaryFolder()
    for (let index = 0; index < 507; index += 1) mkdirSync(join(path, `folder-${index}`))
    const { entries, leftOut } = await listFolder([{ name: 'Many', path }], path)
    expect(entries).toHaveLength(500)
    expect(entries.at(-1)?.name).toBe('folder-499')
    expect(leftOut).toBe(7)
  })
})

describe('what is refused', () => {
  it.each([
    ['the folder above', (root: string) => join(root, '..')],
    ['a way out and back in elsewhere', (root: string) => `${root}/plain/../../..`],
    ['a neighbour whose name begins alike', (root: string) => `${root}-beside`],
    ['what is not there, outside', (root: string) => join(root, '..', 'nowhere-at-all')],
    ['the root of the disk', () => '/'],
  ])('%s', async (_case, path) => {
    const root = place()
    mkdirSync(`${root.path}-beside`)
    onTestFinished(() => rmSync(`${root.path}-beside`, { recursive: true }))
    await expect(listFolder([root], path(root.path))).rejects.toMatchObject({
      code: 'file-unreadable',
      message: expect.stringContaining('outside') as string,
    })
  })

  it('a link that leads out, which is not listed either', async () => {
    const root = place()
    const elsewhere = folderWith({ 'config.json': '{}', 'model.safetensors': 'ab' })
    symlinkSync(elsewhere, join(root.path, 'plain', 'out'))
    symlinkSync(join(elsewhere, 'model.safetensors'), join(root.path, 'plain', 'out.safetensors'))
    const { entries } = await listFolder([root], join(root.path, 'plain'))
    expect(entries.map(({ name }) => name)).toEqual(['deeper'])
    await expect(listFolder([root], join(root.path, 'plain', 'out'))).rejects.toMatchObject({
      message: expect.stringContaining('outside') as string,
    })
  })

  it.each([
    ['a file', 'notes.txt', 'invalid-request', 'is not a folder'],
    ['what is not there', 'nowhere', 'file-not-found', 'There is no'],
    ['a name that no system has', 'a\0b', 'file-unreadable', 'could not be read'],
  ])('%s', async (_case, name, code, words) => {
    const root = place()
    await expect(listFolder([root], `${root.path}/${name}`)).rejects.toMatchObject({
      code,
      message: expect.stringContaining(words) as string,
    })
  })

  it('a path that begins nowhere', async () => {
    await expect(listFolder([place()], 'plain')).rejects.toMatchObject({ code: 'invalid-request' })
  })

  it('a folder that this user may not read, which is listed all the same', async () => {
    const root = place()
    const closed = join(root.path, 'plain')
    chmodSync(root.path, 0o755)
    chmodSync(closed, 0)
    asSomebodyElse()
    const { entries } = await listFolder([root], root.path)
    expect(entries).toContainEqual({ name: 'plain', path: closed, kind: 'folder' })
    await expect(listFolder([root], closed)).rejects.toMatchObject({
      code: 'file-unreadable',
      message: `${closed} may not be read by this user.`,
    })
  })
})

describe('the usual places', () => {
  it('are those named, the home, where the studio was started, where models are kept, and its own folder', () => {
    const places = usualPlaces('/studio', ['/data/models'], { HF_HOME: '/cache' }, '/work')
    expect(places).toEqual([
      { name: 'models', path: '/data/models' },
      { name: 'Home', path: homedir() },
      { name: 'Started here', path: '/work' },
      { name: 'Hugging Face cache', path: join('/cache', 'hub') },
      { name: 'Studio’s folder', path: '/studio' },
    ])
  })

  it('do not open the whole disk to a window that a desktop starts', () => {
    expect(usualPlaces('/studio', [], {}, '/').map(({ path }) => path)).not.toContain('/')
  })
})

/** Nothing is closed to root, so give it up for the test. */
function asSomebodyElse(): void {
  if (process.getuid?.() !== 0) return
  process.seteuid?.(65_534)
  onTestFinished(() => process.seteuid?.(0))
}

it('looks for texts instead, and counts those that the folder itself holds', async () => {
  const path = folderWith({
    'b.txt': 'two',
    'a.JSONL': '{"text":"one"}',
    'model.safetensors': '',
    'config.json': '{}',
    'more/c.md': 'three',
  })
  const found = await listFolder([{ name: 'Texts', path }], path, 'text')
  expect(found).toMatchObject({ isCheckpoint: false, texts: 2, leftOut: 0 })
  expect(found.entries).toMatchObject([
    { name: 'more', kind: 'folder' },
    { name: 'a.JSONL', kind: 'text', textBytes: 14 },
    { name: 'b.txt', kind: 'text', textBytes: 3 },
  ])
  expect((await listFolder([{ name: 'Texts', path }], path)).texts).toBe(0)
})
