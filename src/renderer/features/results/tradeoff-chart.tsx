import {
  CartesianGrid,
  ResponsiveContainer,
  Scatter,
  ScatterChart,
  Tooltip,
  usePlotArea,
  useXAxisScale,
  useYAxisScale,
  XAxis,
  YAxis,
} from 'recharts'
import { perplexity, size } from '../../ui/units.ts'
import { placeLabels } from './label-placement.ts'
import { perplexityAxis } from './perplexity-axis.ts'
import { sizeAxis, type Point } from './tradeoff.ts'
import classes from './tradeoff-chart.module.css'

const HEIGHT_PX = 384

/** Size against perplexity: the checkpoint and each result measured in the same way. Lower left is better. */
export function TradeoffChart({ points, textName }: { points: Point[]; textName: string }) {
  const sizes = sizeAxis(points)
  return (
    <figure
      className={classes.chart}
      aria-label={`Size against perplexity of ${points.length} models, as in the table below`}
    >
      <ResponsiveContainer width="100%" height={HEIGHT_PX}>
        <ScatterChart margin={{ top: 12, right: 20, bottom: 22, left: 8 }} accessibilityLayer={false}>
          <CartesianGrid stroke="var(--line)" strokeDasharray="2 4" />
          <XAxis
            type="number"
            dataKey={(point: Point) => point.sizeBytes / sizes.divisor}
            domain={[0, sizes.max]}
            ticks={sizes.ticks}
            tickLine={false}
            axisLine={{ stroke: 'var(--line-strong)' }}
            label={{ value: `Size on disk (${sizes.unit})`, position: 'insideBottom', offset: -14 }}
          />
          <YAxis {...perplexityAxis(points, `Perplexity on ${textName}`)} />
          <Tooltip cursor={false} isAnimationActive={false} content={<Hover />} />
          <Scatter data={points} shape={Mark} isAnimationActive={false} />
          <Labels points={points} divisor={sizes.divisor} />
        </ScatterChart>
      </ResponsiveContainer>
    </figure>
  )
}

/** Colour and shape say the method, so that neither is needed alone. */
function Mark({ cx = 0, cy = 0, payload }: { cx?: number; cy?: number; payload?: Point }) {
  const series = payload?.series ?? 'other'
  if (series === 'checkpoint') return <circle cx={cx} cy={cy} r={5} className={classes.checkpoint} />
  const fill = `var(--series-${series})`
  if (series === 'rtn') return <rect x={cx - 4.5} y={cy - 4.5} width={9} height={9} rx={1} fill={fill} />
  if (series === 'other') return <path d={`M${cx} ${cy - 6}l5.5 10h-11z`} fill={fill} />
  return <circle cx={cx} cy={cy} r={5} fill={fill} />
}

function Labels({ points, divisor }: { points: Point[]; divisor: number }) {
  const area = usePlotArea()
  const x = useXAxisScale()
  const y = useYAxisScale()
  if (!area || !x || !y) return null
  const at = points.map((point) => ({
    x: Number(x(point.sizeBytes / divisor)),
    y: Number(y(point.perplexity)),
    text: point.label,
  }))
  const places = placeLabels(at, { ...area, x: area.x + 2, width: area.width + 14 }, textWidth)
  return (
    <g aria-hidden="true">
      {places.map((place, index) =>
        place === null ? null : (
          <text
            key={points[index]?.key}
            x={place.x}
            y={place.y}
            textAnchor={place.anchor}
            dominantBaseline="central"
            className={classes.label}
          >
            {points[index]?.label}
          </text>
        ),
      )}
    </g>
  )
}

/** Inter at 12 px is about this wide a letter; a little too wide only keeps labels further apart. */
function textWidth(text: string): number {
  return text.length * 6.5
}

function Hover({ active, payload }: { active?: boolean; payload?: readonly { payload?: Point }[] }) {
  const point = payload?.[0]?.payload
  if (!active || !point) return null
  return (
    <div className={classes.hover}>
      <strong>{point.label}</strong>
      <div>
        {size(point.sizeBytes)}
        {point.bitsPerWeight !== undefined && `, ${point.bitsPerWeight.toFixed(2)} bits per weight`}
      </div>
      <div>perplexity {perplexity(point.perplexity)}</div>
    </div>
  )
}
