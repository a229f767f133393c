import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { InvalidArgumentError, type Command } from 'commander'
import { StudioError } from '../../shared/contract/studio-error.ts'
import { openStudioApi } from '../studio/requests.ts'
import { findRoot } from '../studio/root.ts'
import { isLoopback } from './origin.ts'
import { serve, type RunningServer, type ServeOptions } from './serve.ts'

const USUAL_PORT = 4816

type ServeArguments = { port?: number; host: string; open?: boolean; home?: string }

/** `squeeze serve`: the studio's page in a browser, until Ctrl-C. */
export function registerServe(program: Command): void {
  program
    .command('serve')
    .description('Open the studio in a browser: prints an address that lets its bearer in')
    .option('--port <n>', `port to listen at (default: ${USUAL_PORT}, or any free one when it is taken)`, port)
    .option(
      '--host <address>',
      'address to listen at; anything but this machine itself is open to the network',
      '127.0.0.1',
    )
    .option('--open', 'open the address in the browser of this machine')
    .option('--home <dir>', "the studio's folder")
    .action(async (_options: ServeArguments, command: Command) => {
      await runServe(command.optsWithGlobals<ServeArguments>())
    })
}

/** Serves until the process is asked to end. */
export async function runServe({ port, host, open, home }: ServeArguments): Promise<void> {
  const api = openStudioApi({ home })
  try {
    const server = await start({ api, host, pageRoot: join(findRoot().folder, 'out', 'renderer') }, port)
    announce(server, host)
    if (open) openInBrowser(server.url)
    await askedToEnd()
    await server.close()
  } finally {
    await api.close()
  }
}

/** The port asked for or none; without one the usual port, or any when that is taken. */
async function start(options: Omit<ServeOptions, 'port'>, port: number | undefined): Promise<RunningServer> {
  if (port !== undefined) return serve({ ...options, port })
  try {
    return await serve({ ...options, port: USUAL_PORT })
  } catch (error) {
    if (error instanceof StudioError && error.code === 'busy') return serve({ ...options, port: 0 })
    throw error
  }
}

function announce({ url }: RunningServer, host: string): void {
  process.stdout.write(`Squeeze Studio is at\n\n  ${url}\n\nCtrl-C ends it.\n`)
  if (!isLoopback(host)) {
    process.stderr.write(
      'Anybody on this network who has the address can use the studio, and the connection is not encrypted.\n' +
        'From elsewhere, prefer: ssh -L 4816:127.0.0.1:4816 <this machine>, with the usual --host.\n',
    )
  }
}

function askedToEnd(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve())
  })
}

function openInBrowser(url: string): void {
  const [command = '', ...before] =
    process.platform === 'darwin' ? ['open'] : process.platform === 'win32' ? ['explorer.exe'] : ['xdg-open']
  const child = spawn(command, [...before, url], { stdio: 'ignore', detached: true })
  child.on('error', () => process.stderr.write('No browser could be opened; the address above works in any.\n'))
  child.unref()
}

function port(text: string): number {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value > 65_535) throw new InvalidArgumentError('A port is a whole number from 0 to 65535.')
  return value
}
