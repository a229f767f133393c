import { SegmentedControl, Skeleton } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { CheckpointFacts, Project } from '../../../shared/contract/studio/index.ts'
import { CheckpointCard } from '../../features/checkpoint/checkpoint-card.tsx'
import { Failure } from '../../features/failure.tsx'
import { ProjectFrame } from '../../features/project/project-frame.tsx'
import { SqueezeButton } from '../../features/squeeze/squeeze-form.tsx'
import { loadMatrices, useMatrices } from '../../stores/matrices.ts'
import { Panel, Section } from '../../ui/section.tsx'
import { byteGroups, type Grouping } from './byte-groups.ts'
import { FitsTable } from './fits-table.tsx'
import { Treemap } from './treemap.tsx'
import classes from './checkpoint-page.module.css'

/** What a checkpoint is before anything is done with it: where its bytes are, and what of it fits on this machine. */
export function CheckpointPage({ projectId }: { projectId: number }) {
  return (
    <ProjectFrame
      projectId={projectId}
      section="checkpoint"
      waiting={<Waiting />}
      action={(project) => <SqueezeButton project={project} />}
    >
      {(project) => <Checkpoint project={project} />}
    </ProjectFrame>
  )
}

function Checkpoint({ project: { id, checkpoint } }: { project: Project }) {
  return (
    <>
      <div className={classes.columns}>
        <Bytes projectId={id} checkpoint={checkpoint} />
        <CheckpointCard checkpoint={checkpoint} />
      </div>
      <FitsTable checkpoint={checkpoint} />
    </>
  )
}

const GROUPINGS: { value: Grouping; label: string }[] = [
  { value: 'layer', label: 'by layer' },
  { value: 'kind', label: 'by kind of matrix' },
]

function Bytes({ projectId, checkpoint }: { projectId: number; checkpoint: CheckpointFacts }) {
  useEffect(() => loadMatrices(projectId, checkpoint.fingerprint), [projectId, checkpoint.fingerprint])
  const { value, error } = useMatrices()
  const [grouping, setGrouping] = useState<Grouping>('layer')
  return (
    <Section
      title="Where the bytes are"
      note="An area stands for the bytes on disk"
      actions={
        <SegmentedControl
          size="xs"
          aria-label="Grouping"
          value={grouping}
          onChange={(chosen) => setGrouping(chosen)}
          data={GROUPINGS}
        />
      }
    >
      <Panel padded>
        {value ? (
          <Treemap
            key={grouping}
            label={`Bytes ${GROUPINGS.find((known) => known.value === grouping)?.label}`}
            groups={byteGroups(checkpoint, value.matrices, grouping)}
            totalBytes={checkpoint.sizeBytes}
          />
        ) : error ? (
          <Failure error={error} />
        ) : (
          <Skeleton height={430} radius={8} />
        )}
      </Panel>
    </Section>
  )
}

function Waiting() {
  return (
    <>
      <div className={classes.columns}>
        <Skeleton height={480} radius={10} />
        <Skeleton height={480} radius={10} />
      </div>
      <Skeleton height={320} radius={10} />
    </>
  )
}
