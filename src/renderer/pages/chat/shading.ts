/** How far a distribution moved, in steps that a person can tell apart. Each begins at `from` nats. */
export const LEVELS = [
  { from: 0, words: '< 0.01' },
  { from: 0.01, words: '0.01–0.05' },
  { from: 0.05, words: '0.05–0.2' },
  { from: 0.2, words: '0.2–1' },
  { from: 1, words: '≥ 1' },
]

/** 0..4; a divergence a hair below zero is one of zero. */
export function levelOf(kl: number): number {
  return Math.max(
    0,
    LEVELS.findLastIndex(({ from }) => kl >= from),
  )
}

/** The part of a long answer that is in sight: `back` steps before its end. */
export function fold(count: number, back: number, size: number): { start: number; end: number } {
  const end = Math.max(Math.min(size, count), count - back * size)
  return { start: Math.max(0, end - size), end }
}

/** A token as a label shows it: what has no shape gets a name. */
export function tokenWords(piece: string): string {
  if (piece === '') return 'part of a character'
  return `“${piece.replaceAll('\n', '⏎').replaceAll('\t', '⇥')}”`
}
