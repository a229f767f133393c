import { lazy, Suspense } from 'react'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { Command } from '../../ui/command.tsx'
import { Message } from '../../ui/message.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { shellQuoted } from '../../ui/shell-quoted.ts'
import { ResultsTable } from './results-table.tsx'
import { StampPicker } from './stamp-picker.tsx'
import { tradeoffPoints } from './tradeoff.ts'
import type { Choice } from './use-comparison.ts'
import classes from './results.module.css'

const TradeoffChart = lazy(async () => ({ default: (await import('./tradeoff-chart.tsx')).TradeoffChart }))

type Props = { project: Project; choice: Choice }

/** Size against perplexity, as soon as there are two models to compare. */
export function Tradeoff({ project, choice }: Props) {
  const points = tradeoffPoints(project.checkpoint, choice.comparison)
  return (
    <Section title="Size against perplexity" note="lower left is better">
      {points.length > 1 ? (
        <Panel>
          <div className={classes.chart}>
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

/** What came of the checkpoint so far, measured in one way at a time. */
export function Results({ project, choice, nowMs }: Props & { nowMs: number }) {
  return (
    <Section title="Results" note={<StampPicker {...choice} />}>
      <Panel>
        <ResultsTable project={project} comparison={choice.comparison} nowMs={nowMs} />
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
