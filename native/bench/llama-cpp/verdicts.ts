/** From the speeds of all rounds to a table of ratios. */
import { nameOf, type Contestant, type Speed, type Task } from './contestants.ts'
import { goalFor, type Comparison } from './goals.ts'

/** What one round measured on one count of threads, by speedKey. */
export interface Round {
  threads: number
  speeds: Record<string, Speed>
}

/** Numbers are medians over the rounds; what was not measured is undefined. */
export interface Verdict {
  comparison: string
  threads: number
  /** Tokens per second. */
  ours?: number
  peer?: number
  /** The opponent, where there are several the fastest. */
  against?: string
  /** Of two speeds of the same round, hence measured close together; or our share of the read bandwidth. */
  ratio?: number
  lowest?: number
  highest?: number
  goal?: number
  reached?: boolean
}

export function speedKey(contestant: Contestant, task: Task): string {
  return `${nameOf(contestant)}, ${task}`
}

export function verdictsOf(comparisons: Comparison[], rounds: Round[]): Verdict[] {
  const threadCounts = [...new Set(rounds.map((round) => round.threads))]
  return threadCounts.flatMap((threads) => {
    const speeds = rounds.filter((round) => round.threads === threads).map((round) => round.speeds)
    return comparisons.map((comparison) => verdictOf(comparison, speeds, goalFor(comparison, threads), threads))
  })
}

function verdictOf(
  comparison: Comparison,
  rounds: Round['speeds'][],
  goal: number | undefined,
  threads: number,
): Verdict {
  const key = (contestant: Contestant) => speedKey(contestant, comparison.task)
  const medianSpeed = (contestant: Contestant) =>
    median(rounds.flatMap((speeds) => speeds[key(contestant)]?.tokensPerSecond ?? []))
  const fastest =
    comparison.kind === 'ratio'
      ? comparison.against.toSorted((a, b) => (medianSpeed(b) ?? 0) - (medianSpeed(a) ?? 0))[0]
      : undefined
  const ratios = rounds.flatMap((speeds) => {
    const ours = speeds[key(comparison.ours)]
    if (!fastest) return ours?.bandwidthShare ?? []
    const theirs = speeds[key(fastest)]
    return ours && theirs ? ours.tokensPerSecond / theirs.tokensPerSecond : []
  })
  const ratio = median(ratios)
  return {
    comparison: comparison.label,
    threads,
    ours: medianSpeed(comparison.ours),
    peer: fastest && medianSpeed(fastest),
    against: fastest && nameOf(fastest),
    ratio,
    lowest: ratios.length > 0 ? Math.min(...ratios) : undefined,
    highest: ratios.length > 0 ? Math.max(...ratios) : undefined,
    goal,
    reached: ratio !== undefined && goal !== undefined ? ratio >= goal : undefined,
  }
}

export function median(values: number[]): number | undefined {
  const sorted = values.toSorted((a, b) => a - b)
  const [below, above] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]]
  return below === undefined || above === undefined ? undefined : (below + above) / 2
}

export function verdictTable(verdicts: Verdict[]): string {
  const number = (value: number | undefined, digits: number) => value?.toFixed(digits) ?? '–'
  const rows = verdicts.map((v) => [
    v.comparison,
    String(v.threads),
    number(v.ours, 1),
    number(v.peer, 1),
    v.against ?? '–',
    number(v.ratio, 2),
    v.ratio === undefined ? '–' : `${number(v.lowest, 2)}–${number(v.highest, 2)}`,
    number(v.goal, 2),
    v.reached === undefined ? '–' : v.reached ? 'reached' : 'NOT REACHED',
  ])
  const head = ['Comparison', 'Threads', 'Ours tok/s', 'Peer tok/s', 'Peer', 'Ratio', 'Min–max', 'Goal', 'Verdict']
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)))
  const line = (cells: string[]) => `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  return [line(head), `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`, ...rows.map(line)].join('\n')
}
