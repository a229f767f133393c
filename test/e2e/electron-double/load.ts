import { registerHooks } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type * as Double from './electron.ts'

/** Starts the built main process of `root` on a double of its own and gives the double. Once a process for each root. */
export async function startMain(root: string): Promise<typeof Double> {
  const url = `${pathToFileURL(join(import.meta.dirname, 'electron.ts')).href}?root=${encodeURIComponent(root)}`
  registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'electron' ? { url, shortCircuit: true } : next(specifier, context),
  })
  await import(pathToFileURL(join(root, 'out', 'main', 'app.js')).href)
  return (await import('electron')) as unknown as typeof Double
}
