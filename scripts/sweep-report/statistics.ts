export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2
}

/** Correlation of the ranks (Spearman); equal numbers share their mean rank. */
export function spearman(a: readonly number[], b: readonly number[]): number {
  const [ranksA, ranksB] = [ranksOf(a), ranksOf(b)]
  const middle = (a.length - 1) / 2
  const sum = (of: (index: number) => number) => ranksA.reduce((total, _, index) => total + of(index), 0)
  const off = (ranks: readonly number[], index: number) => (ranks[index] ?? NaN) - middle
  const spread = Math.sqrt(sum((i) => off(ranksA, i) ** 2) * sum((i) => off(ranksB, i) ** 2))
  return sum((i) => off(ranksA, i) * off(ranksB, i)) / spread
}

function ranksOf(numbers: readonly number[]): number[] {
  const sorted = [...numbers].sort((a, b) => a - b)
  return numbers.map((number) => (sorted.indexOf(number) + sorted.lastIndexOf(number)) / 2)
}
