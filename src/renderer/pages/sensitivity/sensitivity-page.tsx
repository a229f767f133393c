import { NativeSelect, SegmentedControl, Skeleton } from '@mantine/core'
import { useEffect, useState } from 'react'
import type { CalibrationSummary, Project } from '../../../shared/contract/studio/index.ts'
import { CalibrateButton } from '../../features/calibrations/calibrate-button.tsx'
import { Failure } from '../../features/failure.tsx'
import { RunningJobs } from '../../features/jobs/running-jobs.tsx'
import { SaveMenu } from '../../features/export/save-menu.tsx'
import { Heatmap, Legend } from '../../features/matrices/heatmap.tsx'
import { mapScene } from '../../features/matrices/map-scene.ts'
import { linear, logarithmic, scientific } from '../../features/matrices/scales.ts'
import { matrixAddress } from '../../route.ts'
import { ProjectFrame } from '../../features/project/project-frame.tsx'
import { useHeatmapPlace } from '../../stores/heatmap-place.ts'
import { useJobs } from '../../stores/jobs.ts'
import { loadSensitivities, useSensitivities } from '../../stores/sensitivities.ts'
import { Message } from '../../ui/message.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { exact } from '../../ui/units.ts'
import { MatrixDetails } from './matrix-details.tsx'
import { MEASURES, sensitivityRecords, WEIGHTED } from './measures.ts'
import classes from './sensitivity-page.module.css'

export function SensitivityPage({ projectId }: { projectId: number }) {
  return (
    <ProjectFrame
      projectId={projectId}
      section="sensitivity"
      waiting={<Skeleton height={420} radius={10} />}
      action={(project) => <CalibrateButton project={project} />}
    >
      {(project) => <Sensitivity project={project} />}
    </ProjectFrame>
  )
}

function Sensitivity({ project }: { project: Project }) {
  const jobs = (useJobs(({ value }) => value) ?? []).filter((job) => job.projectId === project.id)
  const [wanted, choose] = useState(() => placeIn(project.id)?.calibrationId)
  const { calibrations } = project
  const calibration = calibrations.find(({ id }) => id === wanted) ?? calibrations[0]
  return (
    <>
      <RunningJobs jobs={jobs} />
      {calibration ? (
        <Learnt project={project} calibration={calibration} choose={choose} />
      ) : (
        <Message title="Not calibrated yet">
          A calibration reads text through the checkpoint and learns how much the loss depends on each weight. What it
          learns stands here, layer by layer.
        </Message>
      )}
    </>
  )
}

type LearntProps = { project: Project; calibration: CalibrationSummary; choose: (calibrationId: number) => void }

function Learnt({ project, calibration, choose }: LearntProps) {
  useEffect(() => loadSensitivities(project.id, calibration.id), [project.id, calibration.id])
  const { value, error } = useSensitivities()
  const [measureId, setMeasure] = useState(WEIGHTED.id)
  const [scaling, setScaling] = useState('logarithmic')
  const [name, setName] = useState(() => placeIn(project.id)?.tensor)
  const [returning] = useState(() => placeIn(project.id)?.returning ?? false)
  useEffect(() => useHeatmapPlace.setState({ returning: false }), [])
  if (error) return <Failure error={error} />
  if (!value) return <Skeleton height={420} radius={10} />
  const { matrices } = value
  const [first] = matrices
  if (!first) {
    return (
      <Message title="This calibration holds no matrices">
        Learnt from {calibrationWords(calibration)}. Calibrate again to learn how much the loss depends on each of them.
      </Message>
    )
  }
  const measure = MEASURES.find(({ id }) => id === measureId) ?? WEIGHTED
  const values = matrices.map(measure.of)
  const scale = (scaling === 'linear' ? linear : logarithmic)(values)
  const most = matrices.reduce((a, b) => (b.weighted > a.weighted ? b : a), first)
  const matrix = matrices.find((each) => each.name === name) ?? most
  const address = (tensor: string) => matrixAddress({ projectId: project.id, calibrationId: calibration.id, tensor })
  const low = scaling === 'linear' ? 0 : Math.min(...values.filter((each) => each > 0))
  return (
    <div className={classes.columns}>
      <Section
        title="Sensitivity"
        note={`${measure.name}: ${measure.words}`}
        actions={
          <SaveMenu
            what="sensitivity map"
            name={`${project.name}-sensitivity`}
            picture={() => mapScene(matrices, { ...measure, words: scientific, scale })}
            records={() => sensitivityRecords(matrices)}
          />
        }
      >
        <Panel padded>
          <div className={classes.controls}>
            <SegmentedControl
              size="xs"
              aria-label="What is shown"
              value={measure.id}
              onChange={setMeasure}
              data={MEASURES.map(({ id, name: label }) => ({ value: id, label }))}
            />
            <SegmentedControl
              size="xs"
              aria-label="Scale"
              value={scaling}
              onChange={setScaling}
              data={['logarithmic', 'linear']}
            />
            {project.calibrations.length > 1 && (
              <NativeSelect
                size="xs"
                aria-label="Calibration"
                value={String(calibration.id)}
                onChange={(event) => choose(Number(event.currentTarget.value))}
                data={project.calibrations.map((each) => ({ value: String(each.id), label: calibrationWords(each) }))}
              />
            )}
          </div>
          <Heatmap
            matrices={matrices}
            measure={measure}
            scale={scale}
            chosen={matrix.name}
            choose={setName}
            open={(tensor) => (window.location.hash = address(tensor))}
            focusChosen={returning}
          />
          <Legend low={scientific(low)} high={scientific(Math.max(...values))} note={`${scaling} scale`} />
        </Panel>
        <p className={classes.source}>Learnt from {calibrationWords(calibration)}.</p>
      </Section>
      <MatrixDetails matrix={matrix} matrices={matrices} address={address(matrix.name)} />
    </div>
  )
}

/** Where a person left this project's heatmap, if they have looked into a matrix of it. */
function placeIn(projectId: number) {
  const place = useHeatmapPlace.getState()
  return place.projectId === projectId ? place : undefined
}

function calibrationWords({ textName, samples, length, estimator, precision }: CalibrationSummary): string {
  const per = estimator === 'sample' ? 'sequence' : 'token'
  return `${textName ?? 'a text'}, ${exact(samples)} × ${exact(length)} tokens, squares per ${per}, ${precision}`
}
