import { spawnSync } from 'node:child_process'

/** Runs a program to its end and gives what it printed; throws with the end of what it complained about. */
export function runProgram(
  command: string,
  args: string[],
  options: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): { stdout: string; stderr: string } {
  const { stdout, stderr, status, signal, error } = spawnSync(command, args, {
    ...options,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (error) throw error
  if (status !== 0) {
    const lines = `${stdout}\n${stderr}`.trim().split('\n').slice(-15).join('\n')
    throw new Error(`${command} ${args.join(' ')} ended with ${signal ?? status}:\n${lines}`)
  }
  return { stdout, stderr }
}
