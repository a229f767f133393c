import type { PeerType } from './peer.ts'
import type { OurWeights } from './ours.ts'

/** A model on an engine, with the widest instructions of the processor or with no more than AVX2. */
export type Contestant = { simd: 'auto' | 'avx2' } & (
  { engine: 'squeeze'; model: OurWeights } | { engine: 'llama.cpp'; model: PeerType }
)

/** Reading a prompt of 512 tokens, or generating 128 after a short one. */
export type Task = 'prompt' | 'generate'

export interface Speed {
  tokensPerSecond: number
  /** Bytes read per second over the machine's read bandwidth, where the engine tells. */
  bandwidthShare?: number
}

export const PROMPT_TOKENS = 512
export const GENERATED_TOKENS = 128
/** What the cache holds when generation begins. */
export const SHORT_CONTEXT = 16

export function nameOf({ engine, model, simd }: Contestant): string {
  return `${engine} ${model}${simd === 'avx2' ? ' (AVX2)' : ''}`
}
