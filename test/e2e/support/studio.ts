import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test as base, expect } from '@playwright/test'
import { chromiumPath } from './chromium.ts'
import { skipWhere } from './skip.ts'

export const root = join(import.meta.dirname, '..', '..', '..')
const squeezePath = join(root, 'bin', 'squeeze')

/** Servers that have not ended. */
const running = new Set<ChildProcess>()

/** A running `squeeze serve`. */
export type Served = {
  url: string
  port: number
  /** Of the launcher, whose child is the studio. */
  processId: number
  stop: () => Promise<number | null>
}

export function startServer(home: string, ...args: string[]): Promise<Served> {
  return startServerBy([], home, ...args)
}

/** The same, started by another program: `starter` is that, with what it wants before the command that it runs. */
export async function startServerBy(starter: string[], home: string, ...args: string[]): Promise<Served> {
  const serve = [process.execPath, squeezePath, 'serve', '--home', home, '--json', ...args]
  const [program = '', ...rest] = [...starter, ...serve]
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  const line = await firstLine(child)
  const { pid: processId = 0 } = child
  const { url, port } = JSON.parse(line) as { url: string; port: number }
  const stop = async () => {
    if (child.exitCode !== null) return child.exitCode
    child.kill('SIGINT')
    const [status] = (await once(child, 'exit')) as [number | null]
    return status
  }
  return { url, port, processId, stop }
}

/** Runs a command to its end and gives what it wrote. */
export async function squeeze(...args: string[]): Promise<{ status: number | null; output: string; errors: string }> {
  const child = spawn(process.execPath, [squeezePath, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.on('data', (data: Buffer) => (output += data.toString()))
  child.stderr.on('data', (data: Buffer) => (errors += data.toString()))
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, output, errors }
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('The output of the server is not piped.')
  const exited = once(child, 'exit').then(([status]) => {
    throw new Error(`squeeze serve ended with ${String(status)} before it said where it is.`)
  })
  const [line] = (await Promise.race([once(createInterface(child.stdout), 'line'), exited])) as [string]
  exited.catch(() => undefined)
  return line
}

type Fixtures = {
  /** A fresh folder for the studio, gone afterwards. */
  home: string
  /** A studio that serves it. */
  served: Served
  /** Ends what a test that failed has left running. */
  ending: void
}

/** Every test has a studio's folder of its own. */
export const test = base.extend<Fixtures>({
  home: async ({}, use) => {
    skipWhere(chromiumPath === undefined, 'there is no Chromium here')
    skipWhere(!existsSync(join(root, 'out', 'main', 'cli.js')), 'the studio is not built')
    const home = mkdtempSync(join(tmpdir(), 'squeeze-e2e-'))
    await use(home)
    rmSync(home, { recursive: true, force: true })
  },
  served: async ({ home }, use) => {
    const served = await startServer(home, '--port', '0')
    await use(served)
    await served.stop()
  },
  ending: [
    async ({}, use) => {
      await use()
      for (const child of running) child.kill('SIGINT')
    },
    { auto: true },
  ],
})

export { expect }
