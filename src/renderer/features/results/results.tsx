import { lazy, Suspense, useState } from 'react'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { Command } from '../../ui/command.tsx'
import { Message } from '../../ui/message.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { compareOn, stampsOf } from './comparison.ts'
import { ResultsTable } from './results-table.tsx'
import { StampPicker } from './stamp-picker.tsx'
import { tradeoffPoints } from './tradeoff.ts'
import classes from './results.module.css'

const TradeoffChart = lazy(async () => ({ default: (await import('./tradeoff-chart.tsx')).TradeoffChart }))

type Props = { project: Project; nowMs: number }

/** What came of the checkpoint so far, measured in one way at a time. */
export function Results({ project, nowMs }: Props) {
  const stamps = stampsOf(project.evaluations)
  const [wanted, choose] = useState<string>()
  const chosen = stamps.find(({ stamp }) => stamp.key === wanted) ?? stamps[0]
  const comparison = compareOn(project, chosen?.stamp.key)
  const points = tradeoffPoints(project.checkpoint, comparison)
  if (project.results.length === 0) return <NoResults path={project.checkpoint.path} />
  return (
    <Section title="Results" note={<StampPicker stamps={stamps} chosen={chosen?.stamp.key} choose={choose} />}>
      <Panel>
        {points.length > 1 && (
          <div className={classes.chart}>
            <Suspense>
              <TradeoffChart points={points} />
            </Suspense>
          </div>
        )}
        <ResultsTable checkpoint={project.checkpoint} comparison={comparison} nowMs={nowMs} />
      </Panel>
    </Section>
  )
}

function NoResults({ path }: { path: string }) {
  return (
    <Section title="Results">
      <Message
        title="Not squeezed yet"
        actions={
          <Command
            line={`squeeze quantize ${quoted(path)} --method squeezellm --bits 3 --sparsity 0.0045 --sample --out squeezed`}
          />
        }
      >
        A result is a smaller checkpoint and the proof of what it lost. It shows up here as soon as it is made.
      </Message>
    </Section>
  )
}

/** A path as a shell takes it. */
function quoted(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
}
