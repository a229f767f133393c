import { Button } from '@mantine/core'
import { lazy, Suspense, useRef, useState } from 'react'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { Command } from '../../ui/command.tsx'
import { download } from '../../ui/download.ts'
import { DownloadMenu } from '../../ui/download-menu.tsx'
import { Message } from '../../ui/message.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { shellQuoted } from '../../ui/shell-quoted.ts'
import { compareAddress, type Side } from '../../route.ts'
import { pngPicture, svgPicture } from './chart-picture.ts'
import { ResultsTable } from './results-table.tsx'
import { StampPicker } from './stamp-picker.tsx'
import { tableRecords, toCsv } from './table-file.ts'
import { tradeoffPoints } from './tradeoff.ts'
import type { Choice } from './use-comparison.ts'
import classes from './results.module.css'

const TradeoffChart = lazy(async () => ({ default: (await import('./tradeoff-chart.tsx')).TradeoffChart }))

type Props = { project: Project; choice: Choice }

/** Size against perplexity, as soon as there are two models to compare. */
export function Tradeoff({ project, choice }: Props) {
  const points = tradeoffPoints(project.checkpoint, choice.comparison)
  const place = useRef<HTMLDivElement>(null)
  const withChart = (take: (chart: SVGSVGElement) => void) => {
    const chart = place.current?.querySelector('svg')
    if (chart) take(chart)
  }
  const file = `${project.name}-size-perplexity`
  const saving = (
    <DownloadMenu
      what="chart"
      choices={[
        {
          name: 'PNG',
          take: () => withChart((chart) => void pngPicture(chart).then((picture) => download(`${file}.png`, picture))),
        },
        {
          name: 'SVG',
          take: () =>
            withChart((chart) =>
              download(`${file}.svg`, new Blob([svgPicture(chart).text], { type: 'image/svg+xml' })),
            ),
        },
      ]}
    />
  )
  return (
    <Section title="Size against perplexity" note="lower left is better" actions={points.length > 1 && saving}>
      {points.length > 1 ? (
        <Panel>
          <div className={classes.chart} ref={place}>
            <Suspense>
              <TradeoffChart points={points} textName={choice.comparison.stamp?.textName ?? 'the text'} />
            </Suspense>
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
  const records = () => tableRecords(project, choice.comparison)
  const file = `${project.name}-results`
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
          <DownloadMenu
            what="table"
            choices={[
              { name: 'CSV', take: () => download(`${file}.csv`, new Blob([toCsv(records())], { type: 'text/csv' })) },
              {
                name: 'JSON',
                take: () =>
                  download(
                    `${file}.json`,
                    new Blob([JSON.stringify(records(), null, 2)], { type: 'application/json' }),
                  ),
              },
            ]}
          />
        </>
      }
    >
      <Panel>
        <ResultsTable
          project={project}
          comparison={choice.comparison}
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
