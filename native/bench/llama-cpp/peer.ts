/** llama.cpp's side: its models, and the speed that its own benchmark gives. */
import { existsSync, mkdirSync, renameSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { basename, join } from 'node:path'
import { GENERATED_TOKENS, PROMPT_TOKENS, SHORT_CONTEXT, type Speed, type Task } from './contestants.ts'
import { writeGguf } from './gguf.ts'
import type { Installation } from './install.ts'
import { runProgram } from './program.ts'
import type { Shape } from './shape.ts'

export type PeerType = 'F16' | 'Q8_0' | 'Q4_0' | 'Q4_K_M' | 'IQ4_NL' | 'Q3_K_M' | 'Q2_K'

/** At 4 bits in every quantized file, as on our side; its own recipes take 6 or 8. */
const HEAD: Record<Exclude<PeerType, 'F16'>, string> = {
  Q8_0: 'q4_0',
  Q4_0: 'q4_0',
  IQ4_NL: 'iq4_nl',
  Q4_K_M: 'q4_K',
  Q3_K_M: 'q4_K',
  Q2_K: 'q4_K',
}

export interface Peer {
  /** Makes the model where it is not there yet. */
  prepare(type: PeerType): void
  measure(type: PeerType, task: Task, threads: number, simd: 'auto' | 'avx2'): Speed
  /** File names of the backends that have run. */
  backends: Set<string>
}

export function makePeer({ command, backends }: Installation, shape: Shape, models: string): Peer {
  mkdirSync(models, { recursive: true })
  const used = new Set<string>()
  const fileOf = (type: PeerType) => join(models, `${type}.gguf`)
  const run = (name: string, args: string[], cwd: string) => {
    const [program, ...before] = command(name)
    return runProgram(program, [...before, ...args], { cwd })
  }

  function prepare(type: PeerType): void {
    const path = fileOf(type)
    if (existsSync(path)) return
    if (type === 'F16') return writeGguf(path, shape)
    prepare('F16')
    const unfinished = `${path}.partial`
    const args = ['--output-tensor-type', HEAD[type], fileOf('F16'), unfinished, type, String(availableParallelism())]
    run('llama-quantize', args, backends.best)
    renameSync(unfinished, path)
  }

  function measure(type: PeerType, task: Task, threads: number, simd: 'auto' | 'avx2'): Speed {
    const tokens =
      task === 'prompt'
        ? ['-p', String(PROMPT_TOKENS), '-n', '0']
        : ['-p', '0', '-n', String(GENERATED_TOKENS), '-d', String(SHORT_CONTEXT)]
    // At its best, by medians on two cores of Zen 5 at 0.95 B, 2026-11-25. Weights read instead of mapped, since pages of a
    // mapping are small and the system may take them away: F16 12.8 tok/s against 4.3, Q8_0 25.0 against 15.1, one thread.
    // Flash attention on: Q4_0 63 against 55, its prompt 231 against 176, two threads.
    const model = ['-m', fileOf(type), '--load-mode', 'none', '--flash-attn', 'on']
    const args = [...model, ...tokens, '-t', String(threads), '-r', '1', '-o', 'json']
    const { stdout, stderr } = run('llama-bench', args, simd === 'avx2' ? backends.avx2 : backends.best)
    used.add(backendIn(stderr, simd))
    const [entry] = JSON.parse(stdout) as { avg_ts: number }[]
    if (!entry || !(entry.avg_ts > 0)) throw new Error(`llama-bench gave no speed: ${stdout}`)
    return { tokensPerSecond: entry.avg_ts }
  }

  return { prepare, measure, backends: used }
}

/** A llama.cpp installed on the machine could bring a better one than the one asked for. */
function backendIn(log: string, simd: 'auto' | 'avx2'): string {
  const name = basename(/loaded CPU backend from (\S+)/.exec(log)?.[1] ?? '')
  if (name === '') throw new Error(`llama-bench does not say which backend it loaded:\n${log}`)
  if (simd === 'avx2' && !name.includes('haswell')) throw new Error(`llama.cpp was to use AVX2 alone and took ${name}.`)
  return name
}
