import { Table } from '@mantine/core'
import { memo } from 'react'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { Project, SweepState } from '../../../shared/contract/studio/index.ts'
import { recipeName } from '../../../shared/sweep/chart-parts.ts'
import { frontOf } from '../../../shared/sweep/grid.ts'
import { checkpointPerplexity, forecast, type Measured, type Outlook } from '../../../shared/sweep/outlook.ts'
import { recipeKey } from '../../../shared/sweep/plan.ts'
import { pointRecords } from '../../../shared/sweep/records.ts'
import { DataTable, NumberCell, RowHead, type Column } from '../../ui/data-table.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { bits, change, nats, perplexity, share, size } from '../../ui/units.ts'
import { SaveMenu } from '../export/save-menu.tsx'
import { ReportButton } from './report-button.tsx'
import classes from './sweep.module.css'

const COLUMNS: Column[] = [
  { name: 'Recipe', align: 'start' },
  { name: 'Bits', unit: 'per weight' },
  { name: 'Size', unit: 'all weights' },
  { name: 'Perplexity', unit: 'measured' },
  { name: 'Rise' },
  { name: 'Perplexity', unit: 'predicted' },
  { name: 'KL', unit: 'nats/token' },
  { name: 'Same', unit: 'top token' },
]

type Props = {
  project: Project
  state: SweepState
  outlook: Outlook
  chosen: Recipe | undefined
  choose: (recipe: Recipe) => void
}

/** Everything measured as a table, the smallest first. */
export function MeasuredPanel({ project, state, outlook, chosen, choose }: Props) {
  const { points } = outlook
  const front = new Set(frontOf(points.filter((point) => point.perplexity !== undefined)))
  const key = chosen && recipeKey(chosen)
  return (
    <Section
      title="Measured"
      note={points.length > 0 ? 'on the front in bold: nothing measured is both smaller and better' : undefined}
      actions={
        <>
          <ReportButton project={project} state={state} outlook={outlook} />
          <SaveMenu what="table" name={`${project.name}-sweep`} records={() => pointRecords(outlook, state.stamp)} />
        </>
      }
    >
      <Panel padded={points.length === 0}>
        {points.length === 0 ? (
          <p className={classes.note}>Nothing yet. Measure a grid, or measure what is chosen.</p>
        ) : (
          <DataTable label="Measured recipes" columns={COLUMNS} minWidth={640}>
            {points
              .toSorted((a, b) => a.sizeBytes - b.sizeBytes)
              .map((point) => (
                <Row
                  key={point.id}
                  point={point}
                  outlook={outlook}
                  front={front.has(point)}
                  chosen={recipeKey(point.recipe) === key}
                  choose={choose}
                />
              ))}
          </DataTable>
        )}
      </Panel>
    </Section>
  )
}

type RowProps = {
  point: Measured
  outlook: Outlook
  front: boolean
  chosen: boolean
  choose: (recipe: Recipe) => void
}

const Row = memo(function Row({ point, outlook, front, chosen, choose }: RowProps) {
  const { recipe, perplexity: value } = point
  const predicted = forecast(outlook, recipe)?.perplexity
  const base = checkpointPerplexity(outlook)
  return (
    <Table.Tr className={chosen ? classes.chosen : undefined}>
      <RowHead>
        <button type="button" className={classes.pick} aria-pressed={chosen} onClick={() => choose(recipe)}>
          {front ? <b>{recipeName(recipe)}</b> : <span className="unit">{recipeName(recipe)}</span>}
        </button>
      </RowHead>
      <NumberCell>{bits(point.bitsPerWeight)}</NumberCell>
      <NumberCell>{size(point.sizeBytes)}</NumberCell>
      <NumberCell>{value === undefined ? 'diverged' : perplexity(value)}</NumberCell>
      <NumberCell>{value !== undefined && base !== undefined && change(value / base - 1)}</NumberCell>
      <NumberCell>
        <span className={classes.predicted}>{predicted === undefined ? 'none' : perplexity(predicted)}</span>
      </NumberCell>
      <NumberCell>{point.klMean !== undefined && nats(point.klMean)}</NumberCell>
      <NumberCell>{point.top1Agreement !== undefined && share(point.top1Agreement)}</NumberCell>
    </Table.Tr>
  )
})
