import { Skeleton } from '@mantine/core'
import { useEffect } from 'react'
import type { Project, ResultDetails, ResultSummary } from '../../../shared/contract/studio/index.ts'
import { Failure } from '../../features/failure.tsx'
import { RunningJobs } from '../../features/jobs/running-jobs.tsx'
import { ProjectFrame } from '../../features/project/project-frame.tsx'
import { DeleteButton } from '../../features/results/delete-button.tsx'
import { EvaluateButton } from '../../features/results/evaluate-button.tsx'
import { ExportButton } from '../../features/results/export-button.tsx'
import { ExportsTable } from '../../features/results/exports-table.tsx'
import { Figures } from '../../features/results/figures.tsx'
import { Matrices } from '../../features/results/matrices.tsx'
import { MeasurementsTable } from '../../features/results/measurements-table.tsx'
import { resultName } from '../../features/results/names.ts'
import { recipeDetail } from '../../features/results/recipe-words.ts'
import { projectAddress } from '../../route.ts'
import { useJobs } from '../../stores/jobs.ts'
import { useProject } from '../../stores/project.ts'
import { useResultDetails, watchResult } from '../../stores/result-details.ts'
import { Message } from '../../ui/message.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { useNow } from '../../ui/use-now.ts'
import { About, Usage } from './about.tsx'
import { headline } from './headline.ts'
import classes from './result-page.module.css'

type Props = { projectId: number; resultId: number }

export function ResultPage({ projectId, resultId }: Props) {
  const result = useProject(({ value }) => value?.results.find(({ id }) => id === resultId))
  return (
    <ProjectFrame
      projectId={projectId}
      section="overview"
      title={result ? resultName(result) : 'Result'}
      waiting={<Skeleton height={420} radius={10} />}
    >
      {(project) =>
        result ? (
          <Result key={resultId} project={project} result={result} />
        ) : (
          <Message
            title={`There is no result ${resultId} here`}
            actions={<a href={projectAddress(projectId)}>See all results</a>}
          >
            It was deleted, or another project has it.
          </Message>
        )
      }
    </ProjectFrame>
  )
}

function Result({ project, result }: { project: Project; result: ResultSummary }) {
  useEffect(() => watchResult(project.id, result.id), [project.id, result.id])
  const { value: details, error } = useResultDetails((known) => known[result.id]) ?? {}
  const jobs = (useJobs(({ value }) => value) ?? []).filter((job) => job.projectId === project.id)
  const nowMs = useNow()
  const measured = project.evaluations.some(({ resultId }) => resultId === result.id)
  return (
    <>
      <Header project={project} result={result} details={details} measured={measured} />
      {!result.found && (
        <Message title="The folder of the result is gone" tone="warn">
          {result.path} is not where it was. What was measured is kept; put the folder back to use the result again.
        </Message>
      )}
      {error && <Failure error={error} />}
      <RunningJobs jobs={jobs} />
      <Figures figures={headline(project, result, details?.speeds ?? [])} />
      <Section title="Measurements">
        {measured ? (
          <Panel>
            <MeasurementsTable project={project} resultId={result.id} nowMs={nowMs} />
          </Panel>
        ) : (
          <Message title="Not measured yet">
            Evaluate reads a text through the result and through the checkpoint, and says what was lost.
          </Message>
        )}
      </Section>
      {!details && !error && <Skeleton height={320} radius={10} />}
      {details && details.matrices.length > 0 && <Matrices matrices={details.matrices} />}
      {details && details.exports.length > 0 && (
        <Section title="Exports">
          <Panel>
            <ExportsTable exports={details.exports} nowMs={nowMs} />
          </Panel>
        </Section>
      )}
      <div className={classes.pair}>
        <About project={project} result={result} refinement={details?.refinement} nowMs={nowMs} />
        <Usage project={project} result={result} />
      </div>
    </>
  )
}

type HeaderProps = {
  project: Project
  result: ResultSummary
  details: ResultDetails | undefined
  measured: boolean
}

/** What the result is, and what can be done with it: first measure it, then take it home. */
function Header({ project, result, details, measured }: HeaderProps) {
  return (
    <header className={classes.header}>
      <h2 className={classes.name}>{resultName(result)}</h2>
      <span className={classes.detail}>{recipeDetail(result.recipe)}</span>
      <div className={classes.actions}>
        {details && (
          <DeleteButton
            projectId={project.id}
            resultId={result.id}
            name={resultName(result)}
            ownFolder={details.ownFolder}
          />
        )}
        <EvaluateButton project={project} result={result} primary={!measured} />
        {details && (
          <ExportButton projectId={project.id} result={result} exportFolder={details.exportFolder} primary={measured} />
        )}
      </div>
    </header>
  )
}
