import { readFileSync } from 'node:fs'

/** Only Linux tells whose child a process is. */
export const knowsChildren = process.platform === 'linux'

export function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}

export function killAll(pids: number[]): void {
  for (const pid of pids) process.kill(pid, 'SIGKILL')
}
