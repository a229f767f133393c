import { SegmentedControl, Table } from '@mantine/core'
import { useState } from 'react'
import type { ResultMatrix } from '../../../shared/contract/studio/index.ts'
import { DataTable, NumberCell, RowHead, type Column } from '../../ui/data-table.tsx'
import { Facts } from '../../ui/facts.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { bits, exact, percent, ratio, size } from '../../ui/units.ts'
import { SaveMenu } from '../export/save-menu.tsx'
import { Heatmap, Legend } from '../matrices/heatmap.tsx'
import { mapScene } from '../matrices/map-scene.ts'
import { scientific } from '../matrices/scales.ts'
import { MATRIX_MEASURES, RELATIVE_ERROR } from './matrix-measures.ts'
import classes from './matrices.module.css'

/** What each matrix got: layers by matrices, or line by line. */
export function Matrices({ matrices }: { matrices: ResultMatrix[] }) {
  const [view, setView] = useState('map')
  const [measureId, setMeasure] = useState(RELATIVE_ERROR.id)
  const [name, choose] = useState<string>()
  const measure = MATRIX_MEASURES.find(({ id }) => id === measureId) ?? RELATIVE_ERROR
  const values = matrices.map(measure.of)
  const worst = matrices.reduce((a, b) => (b.relativeError > a.relativeError ? b : a))
  const chosen = matrices.find((each) => each.name === name) ?? worst
  const views = (
    <SegmentedControl
      size="xs"
      aria-label="How the matrices are shown"
      value={view}
      onChange={setView}
      data={[
        { value: 'map', label: 'Map' },
        { value: 'table', label: 'Table' },
      ]}
    />
  )
  if (view === 'table') {
    return (
      <Section title="Matrices" note="measured while squeezing" actions={views}>
        <Panel>
          <MatrixTable matrices={matrices} />
        </Panel>
      </Section>
    )
  }
  return (
    <Section
      title="Matrices"
      note={`measured while squeezing · ${measure.words}`}
      actions={
        <>
          {views}
          <SaveMenu
            what="map of matrices"
            name="matrices"
            picture={() => mapScene(matrices, { ...measure, words: measure.format, scale: measure.scale(values) })}
            records={() => matrices.map((matrix) => ({ ...matrix }))}
          />
        </>
      }
    >
      <Panel padded>
        <div className={classes.columns}>
          <div>
            <div className={classes.controls}>
              <SegmentedControl
                size="xs"
                aria-label="What the map shows"
                value={measure.id}
                onChange={setMeasure}
                data={MATRIX_MEASURES.map(({ id, name: label }) => ({ value: id, label }))}
              />
            </div>
            <Heatmap
              matrices={matrices}
              measure={measure}
              words={measure.format}
              scale={measure.scale(values)}
              chosen={chosen.name}
              choose={choose}
            />
            <Legend
              low={measure.format(measure.from(values))}
              high={measure.format(Math.max(...values))}
              note={measure.name}
            />
          </div>
          <Chosen matrix={chosen} />
        </div>
      </Panel>
    </Section>
  )
}

function Chosen({ matrix }: { matrix: ResultMatrix }) {
  const { layer, role, rows, cols, sizeBytes, checkpointSizeBytes } = matrix
  return (
    <section aria-label={`Layer ${layer}, ${role}`}>
      <h3 className={classes.chosen}>
        Layer {layer}, {role}
      </h3>
      <Facts
        facts={[
          { name: 'Tensor', value: matrix.name },
          { name: 'Shape', value: `${exact(rows)} × ${exact(cols)}` },
          { name: 'Index', value: indexWords(matrix) },
          { name: 'Kept exactly', value: keptWords(matrix) },
          { name: 'Stored', value: `${bits(matrix.bitsPerWeight)} bits per weight, ${exact(sizeBytes)} bytes` },
          {
            name: 'Checkpoint',
            value: `${exact(checkpointSizeBytes)} bytes, ${ratio(checkpointSizeBytes / sizeBytes)} as much`,
          },
          { name: 'Relative error', value: percent(matrix.relativeError) },
          { name: 'Objective', value: scientific(matrix.objective) },
        ]}
      />
    </section>
  )
}

const COLUMNS: Column[] = [
  { name: 'Matrix', align: 'start' },
  { name: 'Shape' },
  { name: 'Index' },
  { name: 'Kept exactly' },
  { name: 'Bits', unit: 'per weight' },
  { name: 'Size', unit: 'stored' },
  { name: 'Smaller', unit: 'than in the checkpoint' },
  { name: 'Relative error' },
  { name: 'Objective' },
]

function MatrixTable({ matrices }: { matrices: ResultMatrix[] }) {
  return (
    <DataTable label="Matrices" columns={COLUMNS} minWidth={820}>
      {matrices.map((matrix) => (
        <Table.Tr key={matrix.name}>
          <RowHead>
            {matrix.layer} {matrix.role}
          </RowHead>
          <NumberCell>
            {exact(matrix.rows)} × {exact(matrix.cols)}
          </NumberCell>
          <NumberCell>{indexWords(matrix)}</NumberCell>
          <NumberCell>{keptWords(matrix)}</NumberCell>
          <NumberCell>{bits(matrix.bitsPerWeight)}</NumberCell>
          <NumberCell>{size(matrix.sizeBytes)}</NumberCell>
          <NumberCell>{ratio(matrix.checkpointSizeBytes / matrix.sizeBytes)}</NumberCell>
          <NumberCell>{percent(matrix.relativeError)}</NumberCell>
          <NumberCell>{scientific(matrix.objective)}</NumberCell>
        </Table.Tr>
      ))}
    </DataTable>
  )
}

function indexWords({ bits: indexBits }: ResultMatrix): string {
  return indexBits === 16 ? 'not squeezed' : `${indexBits} bits`
}

function keptWords({ sparseCount, rows, cols }: ResultMatrix): string {
  return sparseCount === 0 ? 'none' : `${exact(sparseCount)}, ${percent(sparseCount / (rows * cols))}`
}
