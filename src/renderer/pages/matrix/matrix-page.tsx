import { Anchor, Skeleton } from '@mantine/core'
import { useEffect, useMemo, useState } from 'react'
import type { MatrixSensitivity } from '../../../shared/contract/sidecar/calibration.ts'
import type { MatrixWeights, Project } from '../../../shared/contract/studio/index.ts'
import { Failure } from '../../features/failure.tsx'
import { scientific } from '../../features/matrices/scales.ts'
import { ProjectFrame } from '../../features/project/project-frame.tsx'
import { matrixAddress, projectAddress, type MatrixPlace } from '../../route.ts'
import { useHeatmapPlace } from '../../stores/heatmap-place.ts'
import { loadChannel, loadMatrix, loadOutliers, useMatrix } from '../../stores/matrix.ts'
import { loadSensitivities, useSensitivities } from '../../stores/sensitivities.ts'
import { Message } from '../../ui/message.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { exact } from '../../ui/units.ts'
import { ChannelStrip } from './channel-strip.tsx'
import { CodebookPanel } from './codebook-panel.tsx'
import { KeptWeights } from './kept-weights.tsx'
import { MiniMap } from './mini-map.tsx'
import { floatsOf } from './packed.ts'
import { TileMap } from './tile-map.tsx'
import { F_UNIT } from './words.ts'
import classes from './matrix-page.module.css'

type Props = MatrixPlace & { channel?: number }

/** One matrix: what a codebook has to fit, and which of its weights matter. */
export function MatrixPage({ projectId, calibrationId, tensor, channel }: Props) {
  return (
    <ProjectFrame
      projectId={projectId}
      section="sensitivity"
      title={tensor.replace(/\.weight$/, '')}
      waiting={<Waiting />}
    >
      {(project) => <Matrix project={project} calibrationId={calibrationId} tensor={tensor} channel={channel} />}
    </ProjectFrame>
  )
}

type MatrixProps = { project: Project; calibrationId: number; tensor: string; channel: number | undefined }

function Matrix({ project, calibrationId, tensor, channel }: MatrixProps) {
  const projectId = project.id
  useEffect(() => loadSensitivities(projectId, calibrationId), [projectId, calibrationId])
  useEffect(
    () => useHeatmapPlace.setState({ projectId, calibrationId, tensor, returning: true }),
    [projectId, calibrationId, tensor],
  )
  const { value, error } = useSensitivities()
  if (error) return <Failure error={error} />
  if (value?.calibrationId !== calibrationId) return <Waiting />
  const matrix = value.matrices.find(({ name }) => name === tensor)
  if (!matrix) {
    return (
      <Message
        title="There is no such matrix"
        actions={<Anchor href={projectAddress(projectId, 'sensitivity')}>Go to the sensitivities</Anchor>}
      >
        This calibration knows nothing of {tensor}.
      </Message>
    )
  }
  return (
    <>
      <Head matrix={matrix} matrices={value.matrices} place={{ projectId, calibrationId, tensor }} />
      <Anatomy place={{ projectId, calibrationId, tensor }} channel={channel} />
    </>
  )
}

type HeadProps = { matrix: MatrixSensitivity; matrices: MatrixSensitivity[]; place: MatrixPlace }

function Head({ matrix, matrices, place }: HeadProps) {
  const { layer, role, rows, cols, name, weighted } = matrix
  const rank = matrices.filter((each) => each.weighted > weighted).length + 1
  return (
    <div className={classes.head}>
      <div className={classes.title}>
        <a className={classes.up} href={projectAddress(place.projectId, 'sensitivity')}>
          Sensitivity
        </a>
        <h2>
          Layer {layer}, {role}
        </h2>
        <div className={classes.facts}>
          <code>{name}</code>
          <span>
            {exact(rows)} × {exact(cols)}, output by input channels
          </span>
          <span>
            Σ F·w² {scientific(weighted)} nats², rank {rank} of {matrices.length}
          </span>
        </div>
      </div>
      <MiniMap matrices={matrices} matrix={matrix} walk={(tensor) => go(matrixAddress({ ...place, tensor }))} />
    </div>
  )
}

/** In the place of this address in the history, so that the way back leads to the heatmap. */
function go(address: string): void {
  window.location.replace(address)
}

const FIRST_BITS = 3
const FIRST_SPARSITY = 0.0045

function Anatomy({ place, channel }: { place: MatrixPlace; channel: number | undefined }) {
  const { projectId, calibrationId, tensor } = place
  const [bits, setBits] = useState(FIRST_BITS)
  const [sparsity, setSparsity] = useState(FIRST_SPARSITY)
  const reload = () => loadMatrix({ projectId, calibrationId, tensor })
  useEffect(() => loadMatrix({ projectId, calibrationId, tensor }), [projectId, calibrationId, tensor])
  useEffect(() => {
    if (channel !== undefined) loadChannel({ projectId, calibrationId, tensor }, channel)
  }, [projectId, calibrationId, tensor, channel])
  const state = useMatrix()
  const { weights, outliers } = state
  const [drawn, setDrawn] = useState<string>()
  // The sidecar answers in order, and clustering takes longer than all else that is asked for.
  useEffect(() => {
    if (drawn === tensor) loadOutliers({ projectId, calibrationId, tensor }, sparsity)
  }, [drawn, projectId, calibrationId, tensor, sparsity])
  const choose = (next: number | undefined) => go(matrixAddress(place, next))
  if (weights.error) return <Failure error={weights.error} retry={reload} />
  if (!weights.value || state.tensor !== tensor) return <Waiting />
  const matrix = weights.value
  return (
    <>
      <Section title="Weights and codebook" note="a codebook per output channel, placed by Σ F·(w − c)²">
        <Panel padded>
          {channel !== undefined && state.channel.error && <Failure error={state.channel.error} />}
          <Drawn matrix={matrix} channel={channel} bits={bits} setBits={setBits} choose={choose} />
        </Panel>
      </Section>
      <Strips matrix={matrix} channel={channel} choose={choose} />
      <div className={classes.columns}>
        <Section title="The matrix" note="output channels down, input channels across">
          <Panel padded>
            <TileMap key={tensor} place={place} matrix={matrix} channel={channel} choose={choose} settled={setDrawn} />
          </Panel>
        </Section>
        <Section title="Outliers">
          <Panel padded>
            <KeptWeights
              matrix={matrix}
              outliers={outliers.value}
              error={outliers.error}
              sparsity={sparsity}
              setSparsity={setSparsity}
              bits={bits}
              choose={choose}
            />
          </Panel>
        </Section>
      </div>
    </>
  )
}

type DrawnProps = {
  matrix: MatrixWeights
  channel: number | undefined
  bits: number
  setBits: (bits: number) => void
  choose: (channel: number | undefined) => void
}

function Drawn({ matrix, channel, ...rest }: DrawnProps) {
  const state = useMatrix()
  const foremost = useMemo(() => indexOfMost(floatsOf(matrix.ofRows)), [matrix])
  return (
    <CodebookPanel
      matrix={matrix}
      wanted={channel}
      channel={state.channel.value}
      outliers={state.outliers.value}
      foremost={foremost}
      {...rest}
    />
  )
}

type StripsProps = { matrix: MatrixWeights; channel: number | undefined; choose: (channel: number) => void }

function Strips({ matrix, channel, choose }: StripsProps) {
  const ofRows = useMemo(() => floatsOf(matrix.ofRows), [matrix])
  const ofCols = useMemo(() => floatsOf(matrix.ofCols), [matrix])
  return (
    <Section title="Sensitivity of channels" note={`Σ F, ${F_UNIT}`}>
      <Panel padded>
        <ChannelStrip name="Output channel" values={ofRows} chosen={channel} choose={choose} />
        <ChannelStrip name="Input channel" values={ofCols} />
      </Panel>
    </Section>
  )
}

function indexOfMost(values: Float32Array): number {
  return values.reduce((best, value, index) => (value > (values[best] ?? 0) ? index : best), 0)
}

function Waiting() {
  return (
    <div className={classes.waiting} role="status" aria-label="Reading the matrix">
      <Skeleton height={400} radius={10} />
      <Skeleton height={280} radius={10} />
      <Skeleton height={480} radius={10} />
    </div>
  )
}
