import { line } from '../../../shared/charts/frame.ts'
import { DIMMED, TEXT } from '../../../shared/charts/palette.ts'
import { group, words, type Scene } from '../../../shared/charts/scene.ts'
import { figure, share } from '../../ui/units.ts'
import { series } from '../results/recipe-words.ts'
import type { SpeedRow } from './measurements.ts'
import { modelWords } from './model-name.tsx'

const ROW_PX = 30
const NAME_PX = 230
const BAR_PX = 360
const WIDTH_PX = 900

/** The bars of the table as a picture: tokens per second with the reach of the rounds, and the share of the limit. */
export function speedScene(rows: readonly SpeedRow[], machine: string): Scene {
  const measured = rows.flatMap(({ result, measurement }) => (measurement ? [{ result, measurement }] : []))
  const fastest = Math.max(1, ...measured.map(({ measurement }) => measurement.tokensPerSecond.max))
  const x = (tokensPerSecond: number) => NAME_PX + (BAR_PX * tokensPerSecond) / fastest
  const bars = measured.map(({ result, measurement }, index) => {
    const y = 58 + index * ROW_PX
    const { median, min, max } = measurement.tokensPerSecond
    const fill = `var(--series-${result ? series(result.recipe) : 'checkpoint'})`
    return group([
      words(modelWords(result), NAME_PX - 12, y, { fill: TEXT, textAnchor: 'end' }),
      { tag: 'rect', at: { x: NAME_PX, y: y - 8, width: x(median) - NAME_PX, height: 16, rx: 2, fill } },
      line(x(min), y, x(max), y, TEXT),
      line(x(min), y - 4, x(min), y + 4, TEXT),
      line(x(max), y - 4, x(max), y + 4, TEXT),
      words(
        `${figure(median)} tokens/s, ${share(measurement.bandwidthShare.median)} of the memory limit`,
        NAME_PX + BAR_PX + 12,
        y,
        {
          fill: TEXT,
        },
      ),
    ])
  })
  return {
    width: WIDTH_PX,
    height: 70 + measured.length * ROW_PX,
    label: 'Speed of each model',
    shapes: [
      words('Generation, median of the rounds and their reach', 12, 14, { fill: TEXT, fontWeight: 600 }),
      words(machine, 12, 32, { fill: DIMMED }),
      ...bars,
    ],
  }
}
