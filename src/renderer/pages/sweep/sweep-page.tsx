import { Button, NativeSelect, SegmentedControl, Skeleton, Slider } from '@mantine/core'
import { lazy, Suspense, useEffect, useMemo, useState, type ReactNode } from 'react'
import type { ErrorInfo } from '../../../shared/contract/errors.ts'
import type { Recipe } from '../../../shared/contract/sidecar/quantization.ts'
import type { Project } from '../../../shared/contract/studio/index.ts'
import { allocate } from '../../../shared/sweep/allocate.ts'
import { matrixBytesOf } from '../../../shared/sweep/budget.ts'
import { gridRecipes } from '../../../shared/sweep/grid.ts'
import { choiceOf, recipeKey, recipeOf } from '../../../shared/sweep/plan.ts'
import { client, refusalInfo } from '../../bridge/index.ts'
import { Failure } from '../../features/failure.tsx'
import { RunningJobs } from '../../features/jobs/running-jobs.tsx'
import { ProjectFrame } from '../../features/project/project-frame.tsx'
import { Allotment } from '../../features/sweep/allotment.tsx'
import {
  BASE,
  FIRST_BITS,
  FIRST_SPARSITIES,
  forecast,
  type Forecast,
  isUniform,
  type Measured,
  type Outlook,
  outlookOf,
} from '../../features/sweep/outlook.ts'
import { useJobs } from '../../stores/jobs.ts'
import { openSweep, reloadSweep, useSweep } from '../../stores/sweep.ts'
import { Facts } from '../../ui/facts.tsx'
import { Message } from '../../ui/message.tsx'
import { Panel, Section } from '../../ui/section.tsx'
import { bits as bitsText, percent, perplexity, size } from '../../ui/units.ts'
import classes from './sweep-page.module.css'

// The charts come with a library that no page needs before it shows data.
const SparsityChart = lazy(async () => ({
  default: (await import('../../features/sweep/sparsity-chart.tsx')).SparsityChart,
}))
const FrontChart = lazy(async () => ({ default: (await import('../../features/sweep/front-chart.tsx')).FrontChart }))

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
  const [start, { error, starting }] = useStart(project)
  return (
    <>
      {error && <Failure error={error} />}
      <Button
        loading={starting}
        disabled={!project.checkpoint.found}
        onClick={() => start('sweep', gridRecipes(BASE, FIRST_BITS, FIRST_SPARSITIES))}
      >
        Measure a grid
      </Button>
    </>
  )
}

function useStart(project: Project) {
  const [error, setError] = useState<ErrorInfo>()
  const [starting, setStarting] = useState(false)
  const projectId = project.id
  async function start(what: 'sweep' | 'squeeze', recipes: Recipe[]) {
    setStarting(true)
    setError(undefined)
    try {
      const [recipe] = recipes
      if (what === 'sweep') await client.call('sweep.start', { projectId, recipes })
      else if (recipe) await client.call('squeeze.start', { projectId, recipe })
    } catch (refused) {
      setError(refusalInfo(refused))
    } finally {
      setStarting(false)
    }
  }
  return [(what: 'sweep' | 'squeeze', recipes: Recipe[]) => void start(what, recipes), { error, starting }] as const
}

function Sweep({ project }: { project: Project }) {
  const jobs = (useJobs(({ value }) => value) ?? []).filter((job) => job.projectId === project.id)
  useEffect(() => openSweep(project.id), [project.id])
  const { value: state, error } = useSweep()
  const outlook = useMemo(() => state && outlookOf(state), [state])
  return (
    <>
      <RunningJobs jobs={jobs} />
      {error && <Failure error={error} retry={reloadSweep} />}
      {!state && !error && <Skeleton height={420} radius={10} />}
      {state && !outlook && (
        <Message title="Nothing is tabulated yet">
          Measuring a grid calibrates the checkpoint where that is not done, finds what every matrix loses at every
          width and sparsity, and then measures twelve recipes without writing any of them. From then on the sliders
          answer at once.
        </Message>
      )}
      {outlook && <Explorer project={project} outlook={outlook} textName={state?.stamp?.textName} />}
    </>
  )
}

/** What a chart will be high, so that nothing jumps. */
const CHART_PX = 300

/** Bits per weight. */
const BUDGET_STEP = 0.05

type Mode = 'alike' | 'budget'

function Explorer({
  project,
  outlook,
  textName,
}: {
  project: Project
  outlook: Outlook
  textName: string | undefined
}) {
  const [mode, setMode] = useState<Mode>('alike')
  const [width, setWidth] = useState(3)
  const [sparsity, setSparsity] = useState(0.0045)
  const [budget, setBudget] = useState(3.5)
  const floor = useMemo(() => smallest(outlook), [outlook])
  const allotted = useMemo(
    () => (mode === 'budget' ? withinBudget(outlook, Math.max(budget, floor)) : undefined),
    [mode, outlook, budget, floor],
  )
  const recipe = allotted?.recipe ?? { ...BASE, bits: width, sparsity }
  const outlookOfIt = forecast(outlook, recipe)

  function choose({ recipe: picked, bitsPerWeight }: Measured) {
    setMode(isUniform(picked) ? 'alike' : 'budget')
    // What was allotted lies just below its budget.
    if (!isUniform(picked)) return setBudget(Math.ceil(bitsPerWeight / BUDGET_STEP) * BUDGET_STEP)
    setWidth(picked.bits)
    setSparsity(picked.sparsity)
  }

  return (
    <div className={classes.columns}>
      <div className={classes.charts}>
        <Section
          title="Sparsity against perplexity"
          note={`dots measured${textName ? ` on ${textName}` : ''}, dashed lines predicted`}
        >
          <Panel padded>
            <Suspense fallback={<Skeleton height={CHART_PX} />}>
              <SparsityChart outlook={outlook} chosen={mode === 'alike' ? { bits: width, sparsity } : undefined} />
            </Suspense>
          </Panel>
        </Section>
        <Section
          title="Size against perplexity"
          note="measured; the line joins what nothing beats, the ring is the choice"
        >
          <Panel padded>
            <Suspense fallback={<Skeleton height={CHART_PX} />}>
              <FrontChart
                outlook={outlook}
                chosen={outlookOfIt}
                budget={mode === 'budget' ? Math.max(budget, floor) : undefined}
                choose={choose}
              />
            </Suspense>
          </Panel>
        </Section>
      </div>
      <Section title="Choose">
        <Panel padded>
          <div className={classes.controls}>
            <SegmentedControl
              fullWidth
              aria-label="How widths are chosen"
              value={mode}
              onChange={(value) => setMode(value === 'budget' ? 'budget' : 'alike')}
              data={[
                { value: 'alike', label: 'All alike' },
                { value: 'budget', label: 'Within a budget' },
              ]}
            />
            {mode === 'alike' ? (
              <>
                <Labelled label="Bits of an index" value={String(width)}>
                  <Slider
                    thumbLabel="Bits of an index"
                    min={Math.min(...outlook.table.bits)}
                    max={Math.max(...outlook.table.bits)}
                    step={1}
                    value={width}
                    onChange={setWidth}
                    label={null}
                  />
                </Labelled>
                <NativeSelect
                  label="Weights kept exactly"
                  value={String(sparsity)}
                  onChange={(event) => setSparsity(Number(event.currentTarget.value))}
                  data={outlook.table.sparsities.map((each) => ({
                    value: String(each),
                    label: each === 0 ? 'none' : percent(each),
                  }))}
                />
              </>
            ) : (
              <Labelled label="Bits per weight, at most" value={Math.max(budget, floor).toFixed(2)}>
                <Slider
                  thumbLabel="Bits per weight, at most"
                  min={Math.ceil(floor * 20) / 20}
                  max={Math.max(...outlook.table.bits) + 1}
                  step={BUDGET_STEP}
                  value={Math.max(budget, floor)}
                  onChange={setBudget}
                  label={null}
                />
              </Labelled>
            )}
            <Answer outlook={outlook} recipe={recipe} forecast={outlookOfIt} />
            {allotted && (
              <>
                <p className={classes.note}>
                  At most {percent(allotted.aboveBound)} above the least error that any allotment of this size can have.
                </p>
                <Allotment table={outlook.table} choices={allotted.choices} />
              </>
            )}
            <Actions project={project} outlook={outlook} recipe={recipe} />
          </div>
        </Panel>
      </Section>
    </div>
  )
}

function Labelled({ label, value, children }: { label: string; value: string; children: ReactNode }) {
  return (
    <div>
      <div className={classes.label}>
        <span>{label}</span>
        <strong className="figures">{value}</strong>
      </div>
      {children}
    </div>
  )
}

function measuredOf({ points }: Outlook, recipe: Recipe) {
  const key = recipeKey(recipe)
  return points.find((point) => recipeKey(point.recipe) === key)
}

function Answer({
  outlook,
  recipe,
  forecast: f,
}: {
  outlook: Outlook
  recipe: Recipe
  forecast: Forecast | undefined
}) {
  const measured = measuredOf(outlook, recipe)
  if (!f) return <p className={classes.note}>This lies outside what is tabulated.</p>
  const base = outlook.referenceNll === undefined ? undefined : Math.exp(outlook.referenceNll)
  return (
    <Facts
      facts={[
        {
          name: 'Perplexity, predicted',
          value: f.perplexity === undefined ? 'after the first measured point' : predictedText(f),
        },
        {
          name: 'Perplexity, measured',
          value: measured?.perplexity === undefined ? 'not yet' : perplexity(measured.perplexity),
        },
        ...(base === undefined ? [] : [{ name: 'Checkpoint, measured', value: perplexity(base) }]),
        { name: 'Size', value: `${size(f.sizeBytes)}, ${bitsText(f.bitsPerWeight)} bits per weight` },
      ]}
    />
  )
}

function predictedText({ perplexity: value, low, high, extrapolates }: Forecast): string {
  const band = low === undefined || high === undefined ? '' : `, likely ${perplexity(low)} to ${perplexity(high)}`
  return `${perplexity(value ?? 0)}${band}${extrapolates ? '; beyond what was measured' : ''}`
}

function Actions({ project, outlook, recipe }: { project: Project; outlook: Outlook; recipe: Recipe }) {
  const [start, { error, starting }] = useStart(project)
  const known = measuredOf(outlook, recipe) !== undefined
  const gone = !project.checkpoint.found
  return (
    <div className={classes.actions}>
      {error && <Failure error={error} />}
      <Button variant="default" disabled={known || starting || gone} onClick={() => start('sweep', [recipe])}>
        {known ? 'Measured' : 'Measure this'}
      </Button>
      <Button variant="default" disabled={starting || gone} onClick={() => start('squeeze', [recipe])}>
        Squeeze by this
      </Button>
    </div>
  )
}

/** The fewest bits per weight there can be, a little rounded up. */
function smallest({ table }: Outlook): number {
  const least = table.matrices.reduce((sum, { cells }) => sum + Math.min(...cells.map(({ sizeBytes }) => sizeBytes)), 0)
  const weights = table.matrices.reduce((sum, matrix) => sum + matrix.weights, 0)
  return (8 * least * 1.001) / weights
}

function withinBudget({ table }: Outlook, bitsPerWeight: number) {
  const matrixBytes = matrixBytesOf(table, { amount: bitsPerWeight, unit: 'bits per weight' })
  const found = allocate(table, { matrixBytes, mayKeep: false })
  if (!found) return undefined
  const named = table.matrices.map(({ name }, index) => ({
    name,
    choice: found.choices[index] ?? { bits: 8, sparsity: 0 },
  }))
  const recipe = recipeOf(BASE, named)
  const choices = table.matrices.map(({ name }) => choiceOf(recipe, name))
  const { objective } = found.cost
  return { recipe, choices, aboveBound: found.lowerBound > 0 ? objective / found.lowerBound - 1 : 0 }
}
