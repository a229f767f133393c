import { Skeleton } from '@mantine/core'
import { lazy, Suspense, useEffect, useState } from 'react'
import { recordsOf } from '../../../shared/export/table-text.ts'
import type { BenchmarkSummary, Project } from '../../../shared/contract/studio/index.ts'
import { exportColumns } from '../../features/benchmarks/export-columns.ts'
import { HistoryTable } from '../../features/benchmarks/history-table.tsx'
import { MeasureButton } from '../../features/benchmarks/measure-button.tsx'
import { machineWords, measurementsOf, setupsOf, speedRows } from '../../features/benchmarks/measurements.ts'
import { SetupPicker } from '../../features/benchmarks/setup-picker.tsx'
import { tracesOf } from '../../features/benchmarks/speed-history.ts'
import { speedScene } from '../../features/benchmarks/speed-scene.ts'
import { SpeedTable } from '../../features/benchmarks/speed-table.tsx'
import { SaveMenu } from '../../features/export/save-menu.tsx'
import { Failure } from '../../features/failure.tsx'
import { RunningJobs } from '../../features/jobs/running-jobs.tsx'
import { ProjectFrame } from '../../features/project/project-frame.tsx'
import { openBenchmarks, reloadBenchmarks, useBenchmarks } from '../../stores/benchmarks.ts'
import { useJobs } from '../../stores/jobs.ts'
import { Message } from '../../ui/message.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { useNow } from '../../ui/use-now.ts'

// It comes with a library that no page needs before it shows data.
const SpeedHistoryChart = lazy(async () => ({
  default: (await import('../../features/benchmarks/speed-history-chart.tsx')).SpeedHistoryChart,
}))

export function SpeedPage({ projectId }: { projectId: number }) {
  return (
    <ProjectFrame
      projectId={projectId}
      section="speed"
      waiting={<Skeleton height={320} radius={10} />}
      action={(project) => <MeasureButton project={project} />}
    >
      {(project) => <Speed project={project} />}
    </ProjectFrame>
  )
}

function Speed({ project }: { project: Project }) {
  useEffect(() => openBenchmarks(project.id), [project.id])
  const { value, error, projectId } = useBenchmarks()
  const jobs = (useJobs((state) => state.value) ?? []).filter((job) => job.projectId === project.id)
  const benchmarks = projectId === project.id ? value : undefined
  return (
    <>
      <RunningJobs jobs={jobs} />
      {error && <Failure error={error} retry={reloadBenchmarks} />}
      {benchmarks ? (
        <Measured project={project} benchmarks={benchmarks} />
      ) : (
        !error && <Skeleton height={320} radius={10} role="status" aria-label="Loading the speeds" />
      )}
    </>
  )
}

function Measured({ project, benchmarks }: { project: Project; benchmarks: BenchmarkSummary[] }) {
  const nowMs = useNow()
  const [wanted, choose] = useState<string>()
  const measurements = measurementsOf(benchmarks)
  const setups = setupsOf(measurements)
  const chosen = setups.find(({ key }) => key === wanted) ?? setups[0]
  if (!chosen)
    return (
      <Message title="Speed was not measured yet">
        A measurement reads a prompt and generates tokens with the checkpoint and its results, and says how near each
        comes to what the memory of this machine allows.
      </Message>
    )
  const rows = speedRows(project, measurements, chosen.key)
  const traces = tracesOf(measurements, project.results, chosen.key)
  return (
    <>
      <Section
        title="Speed"
        note={<SetupPicker setups={setups} chosen={chosen} choose={choose} />}
        actions={
          <SaveMenu
            what="speed chart"
            name={`speed-chart-of-${project.name}`}
            picture={() => speedScene(rows, machineWords(chosen.sample))}
            records={() =>
              recordsOf(
                rows.flatMap(({ measurement }) => measurement ?? []),
                exportColumns(project.results),
              )
            }
          />
        }
      >
        <SpeedTable rows={rows} sample={chosen.sample} />
      </Section>
      {traces.length > 0 && (
        <Section title="Over time" note="medians; the bars span the rounds">
          <Panel padded>
            <Suspense fallback={<Skeleton height={240} />}>
              <SpeedHistoryChart traces={traces} />
            </Suspense>
          </Panel>
        </Section>
      )}
      <Section
        title="All measurements"
        note={
          setups.length > 1
            ? 'compare only rows that were computed alike: processor, threads, instructions and tokens'
            : undefined
        }
        actions={
          <SaveMenu
            what="table"
            name={`speed-of-${project.name}`}
            records={() => recordsOf(measurements, exportColumns(project.results))}
          />
        }
      >
        <Panel>
          <HistoryTable measurements={measurements} results={project.results} nowMs={nowMs} />
        </Panel>
      </Section>
    </>
  )
}
