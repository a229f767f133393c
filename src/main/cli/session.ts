import { toErrorInfo } from '../../shared/contract/studio-error.ts'
import { openStudio, type RunOptions, type Studio, type StudioOptions } from '../studio/index.ts'
import { exitCodeOf } from './exit-codes.ts'
import { watchInterrupt, type Interrupt } from './interrupt.ts'
import { createOutput, type Output } from './output.ts'
import type { CommonOptions } from './options.ts'

/** What a command is handed. */
export type Session = {
  studio: Studio
  output: Output
  run: RunOptions
  interrupt: Interrupt
}

/** Less than the limit after which Ctrl-C ends the process in any case. */
const CANCEL_GRACE_MS = 700

/** Opens the studio for one command, runs it, says what failed, and sets the exit status. */
export async function runCommand(
  options: CommonOptions & Pick<StudioOptions, 'folders'>,
  work: (session: Session) => Promise<void> | void,
): Promise<void> {
  const output = createOutput(options.json ?? false)
  let studio: Studio | undefined
  const interrupt = watchInterrupt(
    () => {
      output.clear()
      if (process.stderr.isTTY) process.stderr.write('Cancelling; once more to end at once.\n')
    },
    () => studio?.kill(),
  )
  try {
    const record = options.project ?? true
    const { home, folders } = options
    studio = openStudio({ home, folders, cancelGraceMs: CANCEL_GRACE_MS, keepLog: record })
    const run: RunOptions = {
      onProgress: (progress) => output.progress(progress),
      signal: interrupt.signal,
      device: options.device,
      threads: options.threads,
      memory: options.memory,
      record,
    }
    await work({ studio, output, run, interrupt })
  } catch (error) {
    const info = toErrorInfo(error)
    output.error(info)
    if (info.code === 'internal' && error instanceof Error && process.env.SQUEEZE_DEBUG) {
      process.stderr.write(`${error.stack}\n`)
    }
    process.exitCode = exitCodeOf(info.code)
  } finally {
    output.clear()
    await studio?.close()
    interrupt.dispose()
  }
}
