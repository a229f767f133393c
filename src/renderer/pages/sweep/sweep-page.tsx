import { Button, Skeleton } from '@mantine/core'
import { useEffect, useMemo } from 'react'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { gridRecipes } from '../../../shared/sweep/grid.ts'
import { BASE, FIRST_BITS, FIRST_SPARSITIES, outlookOf } from '../../../shared/sweep/outlook.ts'
import { Failure } from '../../features/failure.tsx'
import { RunningJobs } from '../../features/jobs/running-jobs.tsx'
import { ProjectFrame } from '../../features/project/project-frame.tsx'
import { Explorer } from '../../features/sweep/explorer.tsx'
import { useStart } from '../../features/sweep/use-start.ts'
import { useJobs } from '../../stores/jobs.ts'
import { openSweep, reloadSweep, useSweep, useSweepTable } from '../../stores/sweep.ts'
import { Message } from '../../ui/message.tsx'

export function SweepPage({ projectId }: { projectId: number }) {
  return (
    <ProjectFrame
      projectId={projectId}
      section="sweep"
      waiting={<Skeleton height={420} radius={10} />}
      action={(project) => <MeasureGrid project={project} />}
    >
      {(project) => <Sweep project={project} />}
    </ProjectFrame>
  )
}

/** Measures the grid as far as it is not measured. */
function MeasureGrid({ project }: { project: Project }) {
  const { measure, busy, error } = useStart(project)
  return (
    <>
      {error && <Failure error={error} />}
      <Button
        loading={busy}
        disabled={!project.checkpoint.found}
        onClick={() => measure(gridRecipes(BASE, FIRST_BITS, FIRST_SPARSITIES))}
      >
        Measure a grid
      </Button>
    </>
  )
}

function Sweep({ project }: { project: Project }) {
  const jobs = (useJobs(({ value }) => value) ?? []).filter((job) => job.projectId === project.id)
  useEffect(() => openSweep(project.id), [project.id])
  const { value: state, error } = useSweep()
  const { value: table, error: tableError } = useSweepTable()
  const tabulated = state?.tableVersion !== undefined
  const outlook = useMemo(() => {
    if (!state || !table || table.version !== state.tableVersion || state.tokensPerSample === undefined)
      return undefined
    const { tokensPerSample, referenceNll, points } = state
    return outlookOf(table, { tokensPerSample, referenceNll, points })
  }, [state, table])
  const failed = error ?? (tabulated && !outlook ? tableError : undefined)
  return (
    <>
      <RunningJobs jobs={jobs} />
      {failed && <Failure error={failed} retry={reloadSweep} />}
      {!failed && (!state || (tabulated && !outlook)) && (
        <Skeleton height={420} radius={10} role="status" aria-label="Loading the sweep" />
      )}
      {state && !tabulated && (
        <Message title="Nothing is tabulated yet">
          Measuring a grid calibrates the checkpoint where that is not done, finds what every matrix loses at every
          width and sparsity, and then measures twelve recipes without writing any of them. From then on the sliders
          answer at once.
        </Message>
      )}
      {state && outlook && <Explorer project={project} state={state} outlook={outlook} />}
    </>
  )
}
