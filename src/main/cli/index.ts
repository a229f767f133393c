import { CommanderError, type Command } from 'commander'
import { toErrorInfo } from '../../shared/contract/studio-error.ts'
import { EXIT, exitCodeOf } from './exit-codes.ts'
import { createOutput } from './output.ts'
import { makeProgram } from './program.ts'

/** Entry of the command line: parses, runs one command, and leaves its exit status in process.exitCode. */
export async function main(argv: string[]): Promise<void> {
  // A reader that has seen enough, such as head, is no failure of ours.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok)
    throw error
  })
  // The launcher ends a process that does not hear; every command has its own way to end.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.send?.('heard'))
  const program = makeProgram()
  const json = argv.includes('--json')
  const complaints: string[] = []
  forEachCommand(program, (command) => {
    command.exitOverride()
    if (json) command.configureOutput({ writeErr: (text) => complaints.push(text) })
  })
  try {
    await program.parseAsync(argv, { from: 'user' })
  } catch (error) {
    if (!(error instanceof CommanderError)) {
      const info = toErrorInfo(error)
      createOutput(json).error(info)
      process.exitCode = exitCodeOf(info.code)
      return
    }
    process.exitCode = error.exitCode === 0 ? EXIT.ok : EXIT.usage
    if (json && error.exitCode !== 0) {
      const message = error.message.replace(/^error: /, '')
      createOutput(true).error({ code: 'invalid-request', message, retryable: false })
    }
  }
}

function forEachCommand(command: Command, visit: (command: Command) => void): void {
  visit(command)
  for (const child of command.commands) forEachCommand(child, visit)
}

await main(process.argv.slice(2))
