import { useElementSize } from '@mantine/hooks'
import { useMemo } from 'react'
import { scientific } from '../../features/matrices/scales.ts'
import { exact, share } from '../../ui/units.ts'
import { binOf, stripBins, topShare, type StripBin } from './strip.ts'
import { useScrub } from './use-scrub.ts'
import { F_UNIT } from './words.ts'
import classes from './channel-strip.module.css'

type Props = {
  /** What one of them is called: "Output channel". */
  name: string
  values: Float32Array
  chosen?: number | undefined
  choose?: (channel: number) => void
}

const HEIGHT = 76
const TOP = 10
const LEFT = 0
/** Narrower bars are no longer told apart. */
const BAR_PX = 2

/** Σ F of each channel, as many to a bar as the screen has no room to part; of those the largest is drawn. */
export function ChannelStrip({ name, values, chosen, choose }: Props) {
  const { ref, width } = useElementSize<HTMLDivElement>()
  const bins = useMemo(() => stripBins(values, width / BAR_PX), [values, width])
  const sum = useMemo(() => values.reduce((total, value) => total + value, 0), [values])
  const few = useMemo(() => topShare(values, 0.01), [values])
  const most = Math.max(...bins.map(({ value }) => value), 0)
  const start = chosen === undefined ? undefined : binOf(bins, chosen)
  const { at, props } = useScrub({
    label: `Σ F of each ${name.toLowerCase()}`,
    count: bins.length,
    left: LEFT,
    width,
    start,
    words: (index) => binWords(name, bins[index], sum),
    ...(choose ? { pick: (index: number) => choose(bins[index]?.top ?? 0) } : {}),
  })
  const step = width / Math.max(1, bins.length)
  const path = bins
    .map(({ value }, index) => {
      const height = most > 0 ? ((HEIGHT - TOP) * value) / most : 0
      return `M${(index * step).toFixed(2)} ${HEIGHT}V${(HEIGHT - height).toFixed(2)}h${(step * 0.82).toFixed(2)}V${HEIGHT}Z`
    })
    .join('')
  return (
    <div className={classes.strip}>
      <div className={classes.head}>
        <span className={classes.name}>
          {name}s <span className="unit">{exact(values.length)}</span>
        </span>
        <span className={classes.readout}>
          {at !== undefined
            ? binWords(name, bins[at], sum)
            : `The ${few.count === 1 ? 'most sensitive one carries' : `${exact(few.count)} most sensitive carry`} ${share(few.share)} of Σ F`}
        </span>
      </div>
      <div ref={ref}>
        <svg width={width} height={HEIGHT + 8} className={classes.bars} data-active={choose !== undefined} {...props}>
          {at !== undefined && (
            <rect className={classes.cursor} x={at * step - 1} y={0} width={Math.max(3, step + 2)} height={HEIGHT} />
          )}
          <path d={path} />
          <line x1={0} x2={width} y1={HEIGHT + 0.5} y2={HEIGHT + 0.5} />
          {start !== undefined && start >= 0 && (
            <path className={classes.chosen} d={`M${(start + 0.5) * step} ${HEIGHT + 1}l4.5 7h-9Z`} />
          )}
        </svg>
      </div>
    </div>
  )
}

/** "Output channel 12: 3.2·10⁻⁴, 1.3 % of Σ F; most of channels 10 to 13" */
function binWords(name: string, bin: StripBin | undefined, sum: number): string {
  if (!bin) return ''
  const { first, end, top, value } = bin
  const among = end - first > 1 ? `, the most of ${exact(first)} to ${exact(end - 1)}` : ''
  return `${name} ${exact(top)}: ${scientific(value)} ${F_UNIT}, ${sum > 0 ? share(value / sum) : '–'}${among}`
}
