import type { Command } from 'commander'
import { openInBrowser, runServe, USUAL_HOST, USUAL_PORT } from '../../server/index.ts'
import { integer, type CommonOptions } from '../options.ts'
import { runCommand } from '../session.ts'

type Options = Pick<CommonOptions, 'home' | 'json'> & {
  port?: number
  host: string
  open?: boolean
  latest?: boolean
  root?: string[]
}

export function registerServe(program: Command): void {
  program
    .command('serve')
    .description('the studio in a browser: prints an address, and runs until Ctrl-C')
    .option(
      '--port <port>',
      `port to listen at (default: ${USUAL_PORT}, or any free one when it is taken)`,
      integer(0, 65_535),
    )
    .option(
      '--host <address>',
      'address to listen at; anything else than this machine itself is open to the network',
      USUAL_HOST,
    )
    .option(
      '--root <folder...>',
      'folders besides the home folder and this one that the page may look through for checkpoints',
    )
    .option('--latest', 'begin at the project that changed last')
    .option('--open', 'show it in the browser of this machine')
    .option(
      '--home <folder>',
      "the studio's folder (default: SQUEEZE_HOME, or where the system keeps a program's data)",
    )
    .option('--json', 'one JSON line on stdout with the address')
    .action((options: Options) =>
      runCommand({ ...options, folders: options.root }, async ({ studio, output, interrupt }) => {
        const { host, port } = options
        await runServe({
          studio,
          host,
          port,
          place: options.latest ? studio.latestPlace() : undefined,
          signal: interrupt.signal,
          onReady: ({ open, ...server }) => {
            output.answer(
              { kind: 'serve', ...server },
              () => `Squeeze Studio is at\n\n  ${server.url}\n\nCtrl-C ends it.`,
            )
            if (open) output.note(OPEN_TO_NETWORK)
            if (options.open)
              openInBrowser(server.url, () => output.note('No browser could be opened here; the address works in any.'))
          },
        })
      }),
    )
}

const OPEN_TO_NETWORK = `Whoever on the network has this address can use the studio, and what travels is not encrypted.
Safer from elsewhere: leave --host away and use  ssh -L ${USUAL_PORT}:${USUAL_HOST}:${USUAL_PORT} THIS-MACHINE`
