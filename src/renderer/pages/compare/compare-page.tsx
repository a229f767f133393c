import { Button, Skeleton } from '@mantine/core'
import { useEffect } from 'react'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { Failure } from '../../features/failure.tsx'
import { ProjectFrame } from '../../features/project/project-frame.tsx'
import {
  contender,
  pairMatrices,
  pairMeasurements,
  pairSpeeds,
  type Contender,
} from '../../features/results/pairing.ts'
import { compareAddress, projectAddress, resultAddress, type Side } from '../../route.ts'
import { useResultDetails, watchResult } from '../../stores/result-details.ts'
import { Message } from '../../ui/message.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { DifferenceTable, LoneTable } from './difference-table.tsx'
import { differences } from './differences.ts'
import { MatrixDifferences } from './matrix-differences.tsx'
import classes from './compare-page.module.css'

type Sides = readonly [Side, Side]

export function ComparePage({ projectId, sides }: { projectId: number; sides: Sides }) {
  return (
    <ProjectFrame
      projectId={projectId}
      section="overview"
      title="Compare"
      waiting={<Skeleton height={420} radius={10} />}
    >
      {(project) => <Pair project={project} sides={sides} />}
    </ProjectFrame>
  )
}

function Pair({ project, sides }: { project: Project; sides: Sides }) {
  const [a, b] = [contender(project, sides[0]), contender(project, sides[1])]
  if (a && b && a.side !== b.side) return <Compare project={project} pair={[a, b]} />
  return (
    <Message title="These two cannot be compared" actions={<a href={projectAddress(project.id)}>Choose two results</a>}>
      {a && b ? 'They are one and the same.' : 'One of them was deleted, or another project has it.'}
    </Message>
  )
}

function useDetails(projectId: number, side: Side) {
  useEffect(() => (side === 'checkpoint' ? undefined : watchResult(projectId, side)), [projectId, side])
  return useResultDetails((known) => (side === 'checkpoint' ? undefined : known[side]))
}

type CompareProps = { project: Project; pair: [Contender, Contender] }

function Compare({ project, pair }: CompareProps) {
  const [a, b] = pair
  const sides: Sides = [a.side, b.side]
  const details = [useDetails(project.id, a.side), useDetails(project.id, b.side)]
  const error = details.find((each) => each?.error)?.error
  const { shared, lone } = pairMeasurements(project, sides)
  const speeds = pairSpeeds(sides, [...new Set(details.flatMap((each) => each?.value?.speeds ?? []))])
  const [first, second] = details.map((each) => each?.value?.matrices)
  const matrices = second && pairMatrices(a.side === 'checkpoint' ? 'checkpoint' : (first ?? []), second)
  return (
    <>
      <header className={classes.header}>
        <h2 className={classes.title}>
          <Name project={project} model={a} /> <span className={classes.versus}>against</span>{' '}
          <Name project={project} model={b} />
        </h2>
        {a.side !== 'checkpoint' && (
          <Button
            className={classes.swap}
            variant="default"
            onClick={() => window.location.replace(compareAddress(project.id, [b.side, a.side]))}
          >
            Swap
          </Button>
        )}
      </header>
      {error && <Failure error={error} />}
      <Section title="Difference">
        <Panel>
          <DifferenceTable pair={pair} rows={differences(pair, shared, speeds)} />
        </Panel>
      </Section>
      {shared.length === 0 && (
        <Message title="Their perplexities cannot be compared">
          Two perplexities say which model is better only where both read the same text, cut and multiplied in the same
          way. Nothing was measured of both so far: evaluate both on the same text.
        </Message>
      )}
      {lone.length > 0 && (
        <Section title="Not comparable" note="measured of one alone, or of each in another way">
          <Panel>
            <LoneTable pair={pair} rows={lone} />
          </Panel>
        </Section>
      )}
      {matrices && matrices.length > 0 && <MatrixDifferences pair={pair} matrices={matrices} />}
    </>
  )
}

function Name({ project, model }: { project: Project; model: Contender }) {
  if (model.side === 'checkpoint') return <>{model.name}</>
  return <a href={resultAddress(project.id, model.side)}>{model.name}</a>
}
