import {
  CartesianGrid,
  ErrorBar,
  Line,
  LineChart,
  ResponsiveContainer,
  Tooltip,
  usePlotArea,
  useXAxisScale,
  useYAxisScale,
  XAxis,
  YAxis,
} from 'recharts'
import { figure, momentWords } from '../../ui/units.ts'
import { keptApart, type Trace } from './speed-history.ts'
import classes from './speed-history-chart.module.css'

const HEIGHT_PX = 240
const LABELS_PX = 170
const LINE_PX = 15
const dayAndTime = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
})

/** Tokens per second of each model over time; the bars are the slowest and the fastest round. */
export function SpeedHistoryChart({ traces }: { traces: Trace[] }) {
  return (
    <figure className={classes.chart} aria-label="Speed of each model over time, as in the table below">
      <ResponsiveContainer width="100%" height={HEIGHT_PX}>
        <LineChart margin={{ top: 12, right: LABELS_PX, bottom: 8, left: 8 }} accessibilityLayer={false}>
          <CartesianGrid stroke="var(--line)" strokeDasharray="2 4" vertical={false} />
          <XAxis
            type="number"
            dataKey="atMs"
            domain={['dataMin', 'dataMax']}
            padding={{ left: 16, right: 16 }}
            tickCount={4}
            tickFormatter={(atMs: number) => dayAndTime.format(atMs)}
            tickLine={false}
            axisLine={{ stroke: 'var(--line-strong)' }}
            allowDuplicatedCategory={false}
          />
          <YAxis
            domain={[0, 'auto']}
            width={64}
            tickLine={false}
            axisLine={false}
            tickFormatter={(value: number) => value.toLocaleString('en-US')}
            label={{ value: 'tokens/s', angle: -90, position: 'insideLeft' }}
          />
          <Tooltip isAnimationActive={false} content={<Hover />} cursor={{ stroke: 'var(--line-strong)' }} />
          {traces.map(({ id, name, series, points }) => (
            <Line
              key={id}
              data={points}
              dataKey="tokensPerSecond"
              name={name}
              stroke={`var(--series-${series})`}
              strokeWidth={1.5}
              dot={{ r: 3.5, fill: `var(--series-${series})`, strokeWidth: 0 }}
              activeDot={{ r: 5 }}
              isAnimationActive={false}
            >
              <ErrorBar
                dataKey={({ tokensPerSecond, spread: [low, high] }: Trace['points'][number]) => [
                  tokensPerSecond - low,
                  high - tokensPerSecond,
                ]}
                width={5}
                stroke={`var(--series-${series})`}
                strokeOpacity={0.5}
              />
            </Line>
          ))}
          <Names traces={traces} />
        </LineChart>
      </ResponsiveContainer>
    </figure>
  )
}

/** At the ends of the lines, apart enough to be read. */
function Names({ traces }: { traces: Trace[] }) {
  const area = usePlotArea()
  const x = useXAxisScale()
  const y = useYAxisScale()
  if (!area || !x || !y) return null
  const ends = traces.flatMap(({ id, name, points }) => {
    const last = points.at(-1)
    return last ? [{ id, name, x: Number(x(last.atMs)), y: Number(y(last.tokensPerSecond)) }] : []
  })
  return (
    <g aria-hidden="true">
      {keptApart(ends, LINE_PX).map((end) => (
        <text key={end.id} x={end.x + 12} y={end.y} dominantBaseline="central" className={classes.label}>
          {end.name}
        </text>
      ))}
    </g>
  )
}

type Shown = { name?: unknown; payload?: Trace['points'][number] }

function Hover({ active, payload }: { active?: boolean; payload?: readonly Shown[] }) {
  const at = payload?.[0]?.payload?.atMs
  if (!active || at === undefined) return null
  return (
    <div className={classes.hover}>
      <strong>{momentWords(at)}</strong>
      {payload?.map(({ name, payload: point }) =>
        point?.atMs === at ? (
          <div key={String(name)}>
            {String(name)}: {figure(point.tokensPerSecond)} tokens/s ({figure(point.spread[0])}–
            {figure(point.spread[1])})
          </div>
        ) : null,
      )}
    </div>
  )
}
