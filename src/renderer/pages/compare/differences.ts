import { perplexityChange, stampWords } from '../../features/results/comparison.ts'
import type { Contender, pairSpeeds, SharedStamp } from '../../features/results/pairing.ts'
import { bits, change, nats, perplexity, share, size } from '../../ui/units.ts'

/** One quantity of two models, and what the second has more. */
export type Difference = { name: string; how?: string; values: [string, string]; difference: string }

const MINUS = '\u2212'

export function differences(
  [a, b]: [Contender, Contender],
  shared: SharedStamp[],
  speeds: ReturnType<typeof pairSpeeds>,
): Difference[] {
  return [
    {
      name: 'Size on disk',
      values: [size(a.sizeBytes), size(b.sizeBytes)],
      difference: `${withSign(b.sizeBytes - a.sizeBytes, size)}, ${change(b.sizeBytes / a.sizeBytes - 1)}`,
    },
    {
      name: 'Bits per weight',
      values: [bits(a.bitsPerWeight), bits(b.bitsPerWeight)],
      difference: withSign(b.bitsPerWeight - a.bitsPerWeight, bits),
    },
    ...shared.flatMap(quality),
    ...speeds.map(({ conditions, speeds: [first, second] }): Difference => {
      const [before, after] = [first.tokensPerSecond.median, second.tokensPerSecond.median]
      return {
        name: 'Generation, tokens/s',
        how: conditions,
        values: [before.toFixed(1), after.toFixed(1)],
        difference: `${withSign(after - before, (value) => value.toFixed(1))}, ${change(after / before - 1)}`,
      }
    }),
  ]
}

function quality({ stamp, measured: [a, b] }: SharedStamp): Difference[] {
  const how = stampWords(stamp)
  const rise = perplexityChange(a.perplexity, b.perplexity)
  const rows: Difference[] = [
    {
      name: 'Perplexity',
      how,
      values: [perplexityOr(a.perplexity), perplexityOr(b.perplexity)],
      difference:
        a.perplexity === undefined || b.perplexity === undefined || rise === undefined
          ? 'one of them diverged'
          : `${withSign(b.perplexity - a.perplexity, (value) => value.toPrecision(3))}, ${change(rise)}`,
    },
  ]
  if (a.klMean !== undefined && b.klMean !== undefined) {
    const difference = withSign(b.klMean - a.klMean, nats)
    rows.push({ name: 'KL from the checkpoint, nats/token', how, values: [nats(a.klMean), nats(b.klMean)], difference })
  }
  if (a.top1Agreement !== undefined && b.top1Agreement !== undefined) {
    const points = withSign((b.top1Agreement - a.top1Agreement) * 100, (value) => value.toFixed(1))
    rows.push({
      name: 'Same top token as the checkpoint',
      how,
      values: [share(a.top1Agreement), share(b.top1Agreement)],
      difference: `${points} points`,
    })
  }
  return rows
}

function perplexityOr(value: number | undefined): string {
  return value === undefined ? 'diverged' : perplexity(value)
}

/** "+1.20 MB", "−0.35", "±0": what the second has more than the first. */
export function withSign(value: number, words: (magnitude: number) => string): string {
  if (value === 0) return '±0'
  return `${value > 0 ? '+' : MINUS}${words(Math.abs(value))}`
}
