import { Button } from '@mantine/core'
import { useCallback, useMemo, useState } from 'react'
import type { Size } from '../../../shared/charts/frame.ts'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { Command } from '../../ui/command.tsx'
import { Message } from '../../ui/message.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { shellQuoted } from '../../ui/shell-quoted.ts'
import { compareAddress, resultAddress, type Side } from '../../route.ts'
import { Chart } from '../charts/chart.tsx'
import { SaveMenu } from '../export/save-menu.tsx'
import { ResultsTable } from './results-table.tsx'
import { StampPicker } from './stamp-picker.tsx'
import { tableRecords } from './table-file.ts'
import { tradeoffChart, tradeoffPoints, tradeoffRecords } from './tradeoff.ts'
import type { Choice } from './use-comparison.ts'
import { useSpeeds } from './use-speeds.ts'
import classes from './results.module.css'

const CHART_PX = 384
/** Width of a picture that is saved, whatever the window has. */
const PICTURE_PX = 960

type Props = { project: Project; choice: Choice }

/** Size against perplexity, as soon as there are two models to compare. */
export function Tradeoff({ project, choice }: Props) {
  const points = useMemo(
    () => tradeoffPoints(project.checkpoint, choice.comparison),
    [project.checkpoint, choice.comparison],
  )
  const textName = choice.comparison.stamp?.textName ?? 'the text'
  const draw = useCallback((size: Size) => tradeoffChart(points, textName, size), [points, textName])
  const saving = (
    <SaveMenu
      what="chart"
      name={`${project.name}-size-perplexity`}
      picture={() => draw({ width: PICTURE_PX, height: CHART_PX }).scene}
      records={() => tradeoffRecords(points)}
    />
  )
  return (
    <Section title="Size against perplexity" note="lower left is better" actions={points.length > 1 && saving}>
      {points.length > 1 ? (
        <Panel>
          <div className={classes.chart}>
            <Chart
              height={CHART_PX}
              draw={draw}
              choose={({ resultId }) => {
                if (resultId !== undefined) window.location.hash = resultAddress(project.id, resultId)
              }}
            />
          </div>
        </Panel>
      ) : (
        <Message title="Nothing to compare yet">
          A point for the checkpoint and one for each result stand here once they were measured on the same text in the
          same way.
        </Message>
      )}
    </Section>
  )
}

/** What came of the checkpoint so far, measured in one way at a time. Two of them can be chosen and compared. */
export function Results({ project, choice, nowMs }: Props & { nowMs: number }) {
  const [chosen, choose] = useState<Side[]>([])
  const known = chosen.filter((side) => side === 'checkpoint' || project.results.some(({ id }) => id === side))
  const [first, second] = known
  const speeds = useSpeeds(project.id)
  return (
    <Section
      title="Results"
      note={<StampPicker {...choice} />}
      actions={
        <>
          <Button
            size="compact-xs"
            variant="default"
            disabled={first === undefined || second === undefined}
            onClick={() => {
              if (first !== undefined && second !== undefined)
                window.location.hash = compareAddress(project.id, [first, second])
            }}
          >
            {known.length === 2 ? 'Compare' : `Compare (${known.length} of 2 chosen)`}
          </Button>
          <SaveMenu
            what="table"
            name={`${project.name}-results`}
            records={() => tableRecords(project, choice.comparison, speeds)}
          />
        </>
      }
    >
      <Panel>
        <ResultsTable
          project={project}
          comparison={choice.comparison}
          speeds={speeds}
          nowMs={nowMs}
          chosen={known}
          toggle={(side) =>
            choose(known.includes(side) ? known.filter((each) => each !== side) : [...known, side].slice(-2))
          }
        />
      </Panel>
    </Section>
  )
}

/** In the place of both, before anything was squeezed. */
export function NoResults({ path }: { path: string }) {
  return (
    <Section title="Results">
      <Message title="Not squeezed yet" actions={<Command line={`squeeze run ${shellQuoted(path)}`} />}>
        A result is a smaller checkpoint and the proof of what it lost. This line calibrates, squeezes and measures; the
        result shows up here as soon as it is made.
      </Message>
    </Section>
  )
}
