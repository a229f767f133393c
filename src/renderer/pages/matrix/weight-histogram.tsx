import { useElementSize } from '@mantine/hooks'
import { widthColor } from '../../../shared/charts/palette.ts'
import { exact, share } from '../../ui/units.ts'
import { viridis } from '../../../shared/charts/viridis.ts'
import { cellAt, type Cell } from './cells.ts'
import { rebin, roundTicks, type Histogram } from './histogram.ts'
import { useScrub } from './use-scrub.ts'
import { weightWords } from './words.ts'
import classes from './weight-histogram.module.css'

type Props = {
  label: string
  histogram: Histogram
  /** All weights, those beyond the histogram too. */
  total: number
  /** The weights in sight. */
  from: number
  to: number
  logarithmic: boolean
  bits: number
  /** Of one channel: its codebook. */
  cells?: Cell[] | undefined
  /** Of the whole matrix: where the entries of the codebooks are. */
  spread?: Histogram | undefined
  fences?: { low: number; high: number } | undefined
}

const LEFT = 52
const RIGHT = 10
const TOP = 18
const PLOT = 196
const BAND = 40
const GAP = 5
const HEIGHT = TOP + PLOT + GAP + BAND + 24
const BAR_PX = 4
/** More bars than this times the root of how many weights there are show chance alone. */
const BARS_PER_ROOT = 3

export function WeightHistogram({
  label,
  histogram,
  total,
  from,
  to,
  logarithmic,
  bits,
  cells,
  spread,
  fences,
}: Props) {
  const { ref, width: outer } = useElementSize<HTMLDivElement>()
  const width = Math.max(0, outer - LEFT - RIGHT)
  const bins = barsFor(total, width)
  const counts = rebin(histogram, from, to, bins)
  const most = Math.max(1, ...counts)
  const objective = cells?.reduce((sum, each) => sum + each.objective, 0) ?? 0

  const x = (value: number) => LEFT + ((value - from) / (to - from)) * width
  const inSight = (value: number) => Math.max(LEFT, Math.min(LEFT + width, x(value)))
  const height = (count: number) => PLOT * (logarithmic ? Math.log10(1 + count) / Math.log10(1 + most) : count / most)
  const base = TOP + PLOT
  const bandTop = base + GAP

  const words = (bin: number) => {
    const [low, high] = [bin, bin + 1].map((edge) => from + ((to - from) * edge) / bins) as [number, number]
    const weights = `${weightWords(low)} to ${weightWords(high)}: ${countWords(counts[bin] ?? 0)}`
    const cell = cells?.[cellAt(cells, (low + high) / 2)]
    if (!cell) return weights
    const costs = objective > 0 ? `, ${share(cell.objective / objective)} of Σ F·(w − c)²` : ''
    return `${weights} · stored as ${weightWords(cell.entry)}, like ${exact(cell.weights)} weights${costs}`
  }
  const { at, props } = useScrub({ label, count: bins, left: LEFT, width, words })

  const outside = total - sumOf(counts)
  return (
    <div ref={ref} className={classes.chart}>
      <svg width={outer} height={HEIGHT} {...props}>
        {yTicks(most, logarithmic).map((tick) => (
          <g key={tick} className={classes.tick}>
            <line x1={LEFT} x2={LEFT + width} y1={base - height(tick)} y2={base - height(tick)} />
            <text x={LEFT - 8} y={base - height(tick) + 4} textAnchor="end">
              {exact(tick)}
            </text>
          </g>
        ))}
        <path className={classes.bars} d={outline(counts.map(height), LEFT, width, base)} />
        {fences && (
          <g className={classes.fence}>
            {fences.low > from && <rect x={LEFT} y={TOP} width={inSight(fences.low) - LEFT} height={PLOT} />}
            {fences.high < to && (
              <rect x={inSight(fences.high)} y={TOP} width={LEFT + width - inSight(fences.high)} height={PLOT} />
            )}
            {[fences.low, fences.high]
              .filter((value) => value > from && value < to)
              .map((value) => (
                <g key={value}>
                  <line x1={x(value)} x2={x(value)} y1={TOP} y2={base} />
                  <text x={x(value)} y={TOP - 6} textAnchor="middle">
                    fence {weightWords(value)}
                  </text>
                </g>
              ))}
          </g>
        )}
        {cells ? (
          <Codebook cells={cells} x={x} inSight={inSight} top={TOP} base={base} bandTop={bandTop} bits={bits} />
        ) : (
          spread && (
            <path
              className={classes.spread}
              style={{ fill: widthColor(bits), stroke: widthColor(bits) }}
              d={hanging(rebin(spread, from, to, barsFor(sumOf(spread.counts), width)), LEFT, width, bandTop)}
            />
          )
        )}
        <line className={classes.axis} x1={LEFT} x2={LEFT + width} y1={base} y2={base} />
        {roundTicks(from, to, Math.max(2, width / 110)).map((tick) => (
          <text key={tick} className={classes.label} x={x(tick)} y={HEIGHT - 8} textAnchor="middle">
            {weightWords(Math.abs(tick) < (to - from) * 1e-9 ? 0 : tick)}
          </text>
        ))}
        {at !== undefined && (
          <rect
            className={classes.cursor}
            x={LEFT + (at * width) / bins}
            y={TOP}
            width={Math.max(1.5, width / bins)}
            height={PLOT + GAP + BAND}
          />
        )}
      </svg>
      <p className={classes.readout}>
        {at !== undefined
          ? words(at)
          : outside >= 0.5
            ? `${countWords(outside)} of ${exact(total)} lie outside of what is drawn.`
            : `${exact(total)} weights`}
      </p>
    </div>
  )
}

type CodebookProps = {
  cells: Cell[]
  x: (value: number) => number
  inSight: (value: number) => number
  top: number
  base: number
  bandTop: number
  bits: number
}

/** Entries as ticks through the bars; below, their cells, as bright as what they cost. */
function Codebook({ cells, x, inSight, top, base, bandTop, bits }: CodebookProps) {
  const dearest = Math.max(...cells.map(({ objective }) => objective))
  const color = widthColor(bits)
  return (
    <>
      {cells.map(({ entry, low, high, objective }) => {
        const [begin, end] = [inSight(low), inSight(high)]
        const seen = inSight(entry) === x(entry)
        return (
          <g key={entry}>
            {end > begin && (
              <rect
                x={begin}
                y={bandTop}
                width={Math.max(0.5, end - begin - (end - begin > 4 ? 1 : 0))}
                height={BAND}
                style={{ fill: viridis(dearest > 0 ? objective / dearest : 0) }}
              />
            )}
            {seen && (
              <line
                className={classes.entry}
                x1={x(entry)}
                x2={x(entry)}
                y1={top}
                y2={base}
                style={{ stroke: color, opacity: bits > 5 ? 0.35 : 0.8 }}
              />
            )}
            {seen && bits <= 5 && <circle cx={x(entry)} cy={base} r={3} style={{ fill: color }} />}
          </g>
        )
      })}
    </>
  )
}

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, each) => sum + each, 0)
}

function barsFor(total: number, width: number): number {
  return Math.max(1, Math.floor(Math.min(width / BAR_PX, BARS_PER_ROOT * Math.sqrt(total))))
}

function countWords(count: number): string {
  const rounded = Math.round(count)
  return `${exact(rounded)} ${rounded === 1 ? 'weight' : 'weights'}`
}

function yTicks(most: number, logarithmic: boolean): number[] {
  if (!logarithmic) return roundTicks(0, most, 4).filter((tick) => tick > 0 && Number.isInteger(tick))
  return Array.from({ length: Math.floor(Math.log10(most)) + 1 }, (_, power) => 10 ** power)
}

/** Bars as one shape. */
function outline(heights: number[], left: number, width: number, base: number): string {
  const step = width / heights.length
  const tops = heights.map(
    (height, index) => `V${(base - height).toFixed(1)}H${(left + (index + 1) * step).toFixed(1)}`,
  )
  return `M${left} ${base}${tops.join('')}V${base}Z`
}

/** The same, down from a line, as high as the band at most. */
function hanging(counts: number[], left: number, width: number, top: number): string {
  const most = Math.max(1, ...counts)
  return outline(
    counts.map((count) => (-BAND * count) / most),
    left,
    width,
    top,
  )
}
