import {
  CartesianGrid,
  ComposedChart,
  Line,
  ResponsiveContainer,
  Scatter,
  Tooltip,
  XAxis,
  YAxis,
  usePlotArea,
  useYAxisScale,
} from 'recharts'
import type { Choice } from '../../../shared/sweep/plan.ts'
import { percent, perplexity } from '../../ui/units.ts'
import { perplexityAxis } from '../results/perplexity-axis.ts'
import { BASE, forecast, isUniform, type Outlook } from './outlook.ts'
import { widthColor } from './width-color.ts'
import classes from './chart.module.css'

const HEIGHT_PX = 300
const LABEL_PX = 14
/** A root spreads the small sparsities, where most happens. */
const place = (sparsity: number) => Math.sqrt(sparsity)

type Dot = { x: number; sparsity: number; perplexity: number; bits: number; how: 'measured' | 'predicted' }

/** Perplexity against sparsity, a curve for each width: predicted as a thin line, measured as dots. */
export function SparsityChart({ outlook, chosen }: { outlook: Outlook; chosen: Choice | undefined }) {
  const measured = measuredDots(outlook)
  const widths = [...new Set([...measured.map(({ bits }) => bits), ...(chosen ? [chosen.bits] : [])])].sort(
    (a, b) => a - b,
  )
  const curves = widths.map((bits) => ({ bits, dots: curve(outlook, bits) }))
  const all = [...measured, ...curves.flatMap(({ dots }) => dots)]
  if (all.length === 0) return null
  const axis = perplexityAxis(all)
  const mark =
    chosen && curves.find(({ bits }) => bits === chosen.bits)?.dots.find(({ sparsity }) => sparsity >= chosen.sparsity)
  return (
    <figure className={classes.chart} aria-label={`Perplexity against sparsity, ${measured.length} measured points`}>
      <ResponsiveContainer width="100%" height={HEIGHT_PX}>
        <ComposedChart margin={{ top: 12, right: 44, bottom: 22, left: 8 }} accessibilityLayer={false}>
          <CartesianGrid stroke="var(--line)" strokeDasharray="2 4" />
          <XAxis
            type="number"
            dataKey="x"
            domain={[0, place(Math.max(...outlook.table.sparsities))]}
            ticks={outlook.table.sparsities.filter((s) => s === 0 || s >= 0.001).map(place)}
            tickFormatter={(x: number) => percent(x * x)}
            tickLine={false}
            axisLine={{ stroke: 'var(--line-strong)' }}
            label={{ value: 'Weights kept exactly, root scale', position: 'insideBottom', offset: -14 }}
          />
          <YAxis {...axis} />
          <Tooltip cursor={false} isAnimationActive={false} content={<Hover />} />
          {curves.map(({ bits, dots }) => (
            <Line
              key={bits}
              data={dots}
              dataKey="perplexity"
              stroke={widthColor(bits)}
              strokeWidth={1.25}
              strokeDasharray="5 3"
              dot={false}
              activeDot={false}
              isAnimationActive={false}
            />
          ))}
          <EndLabels curves={curves} />
          <Scatter data={measured} dataKey="perplexity" shape={Mark} isAnimationActive={false} />
          {mark && <Scatter data={[mark]} dataKey="perplexity" shape={Ring} isAnimationActive={false} />}
        </ComposedChart>
      </ResponsiveContainer>
    </figure>
  )
}

function measuredDots({ points }: Outlook): Dot[] {
  return points.flatMap(({ recipe, perplexity: value }) =>
    isUniform(recipe) && value !== undefined
      ? [
          {
            x: place(recipe.sparsity),
            sparsity: recipe.sparsity,
            perplexity: value,
            bits: recipe.bits,
            how: 'measured' as const,
          },
        ]
      : [],
  )
}

function curve(outlook: Outlook, bits: number): Dot[] {
  return outlook.table.sparsities.flatMap((sparsity) => {
    const value = forecast(outlook, { ...BASE, bits, sparsity })?.perplexity
    return value === undefined
      ? []
      : [{ x: place(sparsity), sparsity, perplexity: value, bits, how: 'predicted' as const }]
  })
}

/** The widths' names at the ends of their curves, kept apart where those come close. */
function EndLabels({ curves }: { curves: { bits: number; dots: Dot[] }[] }) {
  const area = usePlotArea()
  const y = useYAxisScale()
  if (!area || !y) return null
  const ends = curves.flatMap(({ bits, dots }) => {
    const last = dots.at(-1)
    return last ? [{ bits, y: Number(y(last.perplexity)) }] : []
  })
  return (
    <g aria-hidden="true">
      {keptApart(ends).map((end) => (
        <text key={end.bits} x={area.x + area.width + 6} y={end.y} dominantBaseline="central" className={classes.label}>
          {end.bits}-bit
        </text>
      ))}
    </g>
  )
}

/** From above down, each at least a line below the one before. */
function keptApart(ends: { bits: number; y: number }[]): { bits: number; y: number }[] {
  return ends
    .toSorted((a, b) => a.y - b.y)
    .reduce<{ bits: number; y: number }[]>((placed, end) => {
      const above = placed.at(-1)?.y ?? -Infinity
      return [...placed, { ...end, y: Math.max(end.y, above + LABEL_PX) }]
    }, [])
}

function Mark({ cx = 0, cy = 0, payload }: { cx?: number; cy?: number; payload?: Dot }) {
  return <circle cx={cx} cy={cy} r={4.5} fill={widthColor(payload?.bits ?? 3)} />
}

function Ring({ cx = 0, cy = 0 }: { cx?: number; cy?: number }) {
  return <circle cx={cx} cy={cy} r={8} className={classes.ring} />
}

function Hover({ active, payload }: { active?: boolean; payload?: readonly { payload?: Dot }[] }) {
  const dot = payload?.[0]?.payload
  if (!active || !dot) return null
  return (
    <div className={classes.hover}>
      <strong>
        {dot.bits}-bit + {percent(dot.sparsity)}
      </strong>
      <div>
        perplexity {perplexity(dot.perplexity)}, {dot.how}
      </div>
    </div>
  )
}
