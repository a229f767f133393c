/** What is compared with what, and the ratio of speeds that is wanted. */
import type { Contestant, Task } from './contestants.ts'
import type { OurWeights } from './ours.ts'
import type { PeerType } from './peer.ts'

/** On one thread and on two; other counts have no goal. */
export interface Goal {
  oneThread: number
  twoThreads: number
}

export type Comparison = {
  label: string
  ours: Contestant
  task: Task
  goal?: Goal
} & (
  | { kind: 'ratio'; against: Contestant[] } // the fastest of them counts
  | { kind: 'bandwidth share' }
)

const both = (ratio: number): Goal => ({ oneThread: ratio, twoThreads: ratio })
const ours = (model: OurWeights, simd: 'auto' | 'avx2' = 'auto'): Contestant => ({ engine: 'squeeze', model, simd })
const peer = (model: PeerType, simd: 'auto' | 'avx2' = 'auto'): Contestant => ({ engine: 'llama.cpp', model, simd })

function generation(label: string, us: Contestant, them: Contestant, goal?: Goal): Comparison {
  return { kind: 'ratio', label, task: 'generate', ours: us, against: [them], goal }
}

function share(label: string, us: Contestant, goal: number): Comparison {
  return {
    kind: 'bandwidth share',
    label: `${label}, share of read bandwidth`,
    task: 'generate',
    ours: us,
    goal: both(goal),
  }
}

/** In the order of measuring: what is compared stands close together, so that it meets the machine in the same state. */
export const COMPARISONS: Comparison[] = [
  generation('F16 / F16', ours('f16'), peer('F16')),
  generation('8-bit / Q8_0', ours('8'), peer('Q8_0'), both(1.05)),
  share('8-bit', ours('8'), 0.75),
  generation('4-bit / F16', ours('4'), peer('F16'), { oneThread: 4.0, twoThreads: 4.5 }),
  generation('4-bit / Q4_0', ours('4'), peer('Q4_0'), { oneThread: 1.5, twoThreads: 1.6 }),
  generation('4-bit / Q4_K_M', ours('4'), peer('Q4_K_M'), { oneThread: 1.45, twoThreads: 1.6 }),
  share('4-bit', ours('4'), 0.85),
  {
    kind: 'ratio',
    label: 'prompt, 4-bit / best 4-bit',
    task: 'prompt',
    ours: ours('4'),
    against: [peer('Q4_0'), peer('IQ4_NL'), peer('Q4_K_M')],
    goal: both(1.5),
  },
  generation('AVX2, 4-bit / Q4_0', ours('4', 'avx2'), peer('Q4_0', 'avx2'), { oneThread: 1.05, twoThreads: 1.2 }),
  generation('3-bit / Q3_K_M', ours('3'), peer('Q3_K_M'), both(2.4)),
  generation('3-bit / F16', ours('3'), peer('F16'), both(5.3)),
  share('3-bit', ours('3'), 0.85),
  // The goals are times: at most 1.2 and 2 of the dense one's.
  generation('3-bit + 0.45% / 3-bit', ours('3+0.45%'), ours('3'), both(1 / 1.2)),
  generation('3-bit + 5% / 3-bit', ours('3+5%'), ours('3'), both(1 / 2)),
  generation('2-bit / Q2_K', ours('2'), peer('Q2_K'), both(2.6)),
  share('2-bit', ours('2'), 0.75),
]

export function goalFor({ goal }: Comparison, threads: number): number | undefined {
  return threads === 1 ? goal?.oneThread : threads === 2 ? goal?.twoThreads : undefined
}
