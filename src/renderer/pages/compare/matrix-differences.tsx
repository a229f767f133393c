import { SegmentedControl } from '@mantine/core'
import { useState } from 'react'
import { Heatmap, Legend } from '../../features/matrices/heatmap.tsx'
import { signed } from '../../features/matrices/scales.ts'
import type { Contender, MatrixPair, MatrixSide } from '../../features/results/pairing.ts'
import { DIVERGING_GRADIENT, diverging } from '../../ui/diverging.ts'
import { Facts } from '../../ui/facts.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { bits, percent, size } from '../../ui/units.ts'
import { withSign } from './differences.ts'
import classes from './compare-page.module.css'

type Measure = { id: string; name: string; of: (side: MatrixSide) => number; format: (value: number) => string }

const ERROR: Measure = {
  id: 'error',
  name: 'Relative error',
  of: ({ relativeError }) => relativeError,
  format: percent,
}
const MEASURES: Measure[] = [
  ERROR,
  { id: 'bits', name: 'Bits per weight', of: ({ bitsPerWeight }) => bitsPerWeight, format: bits },
  { id: 'size', name: 'Bytes', of: ({ sizeBytes }) => sizeBytes, format: size },
]

type Props = { pair: [Contender, Contender]; matrices: MatrixPair[] }

/** Matrix by matrix: where the second has more, and where less. */
export function MatrixDifferences({ pair: [a, b], matrices }: Props) {
  const [measureId, setMeasure] = useState(ERROR.id)
  const [name, choose] = useState<string>()
  const measure = MEASURES.find(({ id }) => id === measureId) ?? ERROR
  const of = ({ sides: [first, second] }: MatrixPair) => measure.of(second) - measure.of(first)
  const words = (value: number) => withSign(value, measure.format)
  const values = matrices.map(of)
  const most = Math.max(...values.map(Math.abs))
  const chosen = matrices.find((each) => each.name === name) ?? matrices[0]
  return (
    <Section title="Matrices" note={`what ${b.name} has more than ${a.name}, measured while squeezing`}>
      <Panel padded>
        <div className={classes.controls}>
          <SegmentedControl
            size="xs"
            aria-label="What the map shows"
            value={measure.id}
            onChange={setMeasure}
            data={MEASURES.map(({ id, name: label }) => ({ value: id, label }))}
          />
        </div>
        <Heatmap
          matrices={matrices}
          measure={{ name: `Difference in ${measure.name.toLowerCase()}`, of }}
          words={words}
          scale={signed(values)}
          colour={diverging}
          chosen={chosen?.name}
          choose={choose}
        />
        <Legend low={words(-most)} high={words(most)} note="grey: no difference" gradient={DIVERGING_GRADIENT} />
        {chosen && (
          <section className={classes.chosen} aria-label={`Layer ${chosen.layer}, ${chosen.role}`}>
            <Facts
              facts={[
                { name: 'Matrix', value: `layer ${chosen.layer}, ${chosen.role}` },
                ...MEASURES.map(({ name: label, of: each, format }) => ({
                  name: label,
                  value: `${format(each(chosen.sides[0]))} → ${format(each(chosen.sides[1]))}, ${withSign(
                    each(chosen.sides[1]) - each(chosen.sides[0]),
                    format,
                  )}`,
                })),
              ]}
            />
          </section>
        )}
      </Panel>
    </Section>
  )
}
