import { CartesianGrid, ComposedChart, Line, ResponsiveContainer, Scatter, Tooltip, XAxis, YAxis } from 'recharts'
import { frontOf } from '../../../shared/sweep/grid.ts'
import { perplexity, size } from '../../ui/units.ts'
import { recipeBrief } from '../results/recipe-words.ts'
import { perplexityAxis } from '../results/perplexity-axis.ts'
import { isUniform, type Forecast, type Measured, type Outlook } from './outlook.ts'
import { widthColor } from './width-color.ts'
import classes from './chart.module.css'

const HEIGHT_PX = 300

type Dot = { bitsPerWeight: number; perplexity: number; sizeBytes: number; deltaNll: number; measured: Measured }

type Props = {
  outlook: Outlook
  /** What the sliders stand at. */
  chosen: Forecast | undefined
  /** Bits per weight that the person allows. */
  budget: number | undefined
  choose: (measured: Measured) => void
}

/** Size against perplexity of everything measured, with the front that nothing beats. */
export function FrontChart({ outlook, chosen, budget, choose }: Props) {
  const dots = outlook.points.flatMap((measured): Dot[] =>
    measured.perplexity === undefined ? [] : [{ ...measured, perplexity: measured.perplexity, measured }],
  )
  const mark = chosen?.perplexity === undefined ? [] : [{ ...chosen, perplexity: chosen.perplexity }]
  const all = [...dots, ...mark]
  if (all.length === 0) return null
  const axis = perplexityAxis(all)
  const most = Math.ceil(Math.max(...all.map(({ bitsPerWeight }) => bitsPerWeight)) + 0.2)
  const line = budget === undefined ? [] : axis.domain.map((value) => ({ bitsPerWeight: budget, perplexity: value }))
  return (
    <figure
      className={classes.chart}
      aria-label={`Bits per weight against perplexity of ${dots.length} measured recipes`}
    >
      <ResponsiveContainer width="100%" height={HEIGHT_PX}>
        <ComposedChart margin={{ top: 12, right: 20, bottom: 22, left: 8 }} accessibilityLayer={false}>
          <CartesianGrid stroke="var(--line)" strokeDasharray="2 4" />
          <XAxis
            type="number"
            dataKey="bitsPerWeight"
            domain={[0, most]}
            tickCount={most + 1}
            tickLine={false}
            axisLine={{ stroke: 'var(--line-strong)' }}
            label={{ value: 'Stored bits per weight of the matrices', position: 'insideBottom', offset: -14 }}
          />
          <YAxis {...axis} />
          <Tooltip cursor={false} isAnimationActive={false} content={<Hover />} />
          <Line
            data={frontOf(dots)}
            dataKey="perplexity"
            className={classes.front}
            dot={false}
            activeDot={false}
            isAnimationActive={false}
          />
          <Line
            data={line}
            dataKey="perplexity"
            className={classes.budget}
            dot={false}
            activeDot={false}
            isAnimationActive={false}
          />
          <Scatter
            data={dots}
            dataKey="perplexity"
            shape={Mark}
            isAnimationActive={false}
            onClick={(dot) => choose((dot.payload as Dot).measured)}
          />
          <Scatter data={mark} dataKey="perplexity" shape={Ring} isAnimationActive={false} />
        </ComposedChart>
      </ResponsiveContainer>
    </figure>
  )
}

function Mark({ cx = 0, cy = 0, payload }: { cx?: number; cy?: number; payload?: Dot }) {
  const recipe = payload?.measured.recipe
  if (recipe && !isUniform(recipe))
    return <path d={`M${cx} ${cy - 6.5}l6.5 6.5l-6.5 6.5l-6.5 -6.5z`} className={classes.mixed} />
  return <circle cx={cx} cy={cy} r={4.5} fill={widthColor(recipe?.bits ?? 3)} className={classes.point} />
}

function Ring({ cx = 0, cy = 0 }: { cx?: number; cy?: number }) {
  return <circle cx={cx} cy={cy} r={8} className={classes.ring} />
}

function Hover({ active, payload }: { active?: boolean; payload?: readonly { payload?: Partial<Dot> }[] }) {
  const dot = payload?.[0]?.payload
  if (!active || dot?.perplexity === undefined || dot.sizeBytes === undefined) return null
  const { measured } = dot
  return (
    <div className={classes.hover}>
      <strong>
        {measured ? (measured.recipe.overrides?.length ? 'Mixed widths' : recipeBrief(measured.recipe)) : 'Chosen'}
      </strong>
      <div>
        {size(dot.sizeBytes)}, {dot.bitsPerWeight?.toFixed(2)} bits per weight
      </div>
      <div>
        perplexity {perplexity(dot.perplexity)}, {measured ? 'measured' : 'predicted'}
      </div>
    </div>
  )
}
