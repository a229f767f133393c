import type { YAxisProps } from 'recharts'
import { perplexityTicks, tickFormat } from './tradeoff.ts'

/** The upright axis of every chart of perplexities: its scale and ticks from what is shown. */
export function perplexityAxis(points: readonly { perplexity: number }[], words = 'Perplexity') {
  const { ticks, domain, scale } = perplexityTicks(points)
  return {
    type: 'number',
    dataKey: 'perplexity',
    scale,
    domain,
    ticks,
    tickFormatter: tickFormat(ticks),
    tickLine: false,
    axisLine: false,
    width: 58,
    label: { value: words, angle: -90, position: 'insideLeft', style: { textAnchor: 'middle' }, offset: 6 },
  } satisfies YAxisProps
}
