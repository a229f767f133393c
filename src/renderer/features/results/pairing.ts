import type {
  EvaluationSummary,
  Project,
  ResultMatrix,
  SpeedSummary,
  Stamp,
} from '../../../shared/contract/studio/index.ts'
import type { Side } from '../../route.ts'
import { compareOn, stampsOf } from './comparison.ts'
import { resultName } from './names.ts'

/** One of two models that stand side by side. */
export type Contender = {
  side: Side
  name: string
  path: string
  sizeBytes: number
  bitsPerWeight: number
  found: boolean
}

/** Undefined where the project has no such result (any more). */
export function contender({ checkpoint, results }: Project, side: Side): Contender | undefined {
  if (side === 'checkpoint') {
    const { path, sizeBytes, bitsPerWeight, found, dtype } = checkpoint
    return { side, name: `Checkpoint ${dtype}`, path, sizeBytes, bitsPerWeight, found }
  }
  const result = results.find(({ id }) => id === side)
  if (!result) return undefined
  const { path, sizeBytes, bitsPerWeight, found } = result
  return { side, name: resultName(result), path, sizeBytes, bitsPerWeight, found }
}

/** What was measured of one model under one stamp. */
type Measured = Pick<EvaluationSummary, 'perplexity' | 'klMean' | 'top1Agreement' | 'diverged'>

export type SharedStamp = { stamp: Stamp; measured: [Measured, Measured] }
/** Measured of one alone: `which` is its place in the pair, `why` what keeps it from being compared. */
export type LoneStamp = { stamp: Stamp; measured: Measured; which: 0 | 1; why: string }

/** The measurements of two models: those that may stand side by side, and those that may not, with the reason. */
export function pairMeasurements(
  project: Pick<Project, 'results' | 'evaluations'>,
  sides: readonly [Side, Side],
): { shared: SharedStamp[]; lone: LoneStamp[] } {
  const stamps = stampsOf(project.evaluations).map(({ stamp }) => ({
    stamp,
    measured: sides.map((side) => measuredOf(project, side, stamp.key)),
  }))
  const shared = stamps.flatMap(({ stamp, measured: [a, b] }) =>
    a && b ? [{ stamp, measured: [a, b] as [Measured, Measured] }] : [],
  )
  const lone = stamps.flatMap(({ stamp, measured: [a, b] }): LoneStamp[] => {
    if (Boolean(a) === Boolean(b)) return []
    const which = a ? 0 : 1
    const others = stamps.filter(({ measured }) => measured[1 - which]).map((each) => each.stamp)
    const measured = a ?? b
    return measured ? [{ stamp, measured, which, why: whyApart(stamp, others) }] : []
  })
  return { shared, lone }
}

function measuredOf(project: Pick<Project, 'results' | 'evaluations'>, side: Side, key: string): Measured | undefined {
  const { before, rows } = compareOn(project, key)
  if (side !== 'checkpoint') return rows.find(({ result }) => result.id === side)?.evaluation
  // Its distance from itself is known without measuring.
  const alone = project.evaluations.find((each) => each.resultId === undefined && each.stamp.key === key)
  if (alone) return { perplexity: alone.perplexity, diverged: alone.diverged, klMean: 0, top1Agreement: 1 }
  return before === undefined ? undefined : { perplexity: before, diverged: false, klMean: 0, top1Agreement: 1 }
}

/** What sets a stamp apart from the one nearest to it among the others. */
function whyApart(stamp: Stamp, others: Stamp[]): string {
  const differences = others.map((other) => stampDifferences(stamp, other)).sort((a, b) => a.length - b.length)
  return differences[0] ? `the other was measured with ${differences[0].join(', ')}` : 'the other was never measured'
}

/** In what the other one was measured differently; never empty for stamps with different keys. */
export function stampDifferences(stamp: Stamp, other: Stamp): string[] {
  return [
    stamp.textHash !== other.textHash && `another text, ${other.textName}`,
    stamp.windowLength !== other.windowLength && `windows of ${other.windowLength} tokens`,
    stamp.bos !== other.bos && `BOS ${other.bos === 'none' ? 'nowhere' : `before the ${other.bos}`}`,
    stamp.precision !== other.precision && `${other.precision} products`,
    stamp.textHash === other.textHash &&
      stamp.windowLength === other.windowLength &&
      (stamp.windows !== other.windows || stamp.tokens !== other.tokens) &&
      `${other.windows} windows, ${other.tokens.toLocaleString('en-US')} tokens`,
  ].filter((each) => each !== false)
}

/** Speeds under the same conditions, the latest of each. */
export function pairSpeeds(
  sides: readonly [Side, Side],
  speeds: SpeedSummary[],
): { conditions: string; speeds: [SpeedSummary, SpeedSummary] }[] {
  const of = (side: Side) => speeds.filter(({ resultId }) => (resultId ?? 'checkpoint') === side)
  const [first, second] = [of(sides[0]), of(sides[1])]
  const keys = new Set(first.map(({ key }) => key))
  return [...keys].flatMap((key) => {
    const [a, b] = [first, second].map((each) => each.find((speed) => speed.key === key))
    return a && b ? [{ conditions: a.conditions, speeds: [a, b] as [SpeedSummary, SpeedSummary] }] : []
  })
}

/** One matrix in both models. In the checkpoint it has no error and takes what it takes there. */
export type MatrixPair = {
  name: string
  layer: number
  role: string
  rows: number
  cols: number
  sides: [MatrixSide, MatrixSide]
}
export type MatrixSide = { sizeBytes: number; bitsPerWeight: number; relativeError: number }

export function pairMatrices(first: ResultMatrix[] | 'checkpoint', second: ResultMatrix[]): MatrixPair[] {
  const known = new Map(first === 'checkpoint' ? [] : first.map((matrix) => [matrix.name, matrix]))
  return second.flatMap((matrix) => {
    const other = first === 'checkpoint' ? asInCheckpoint(matrix) : known.get(matrix.name)
    if (!other) return []
    const { name, layer, role, rows, cols } = matrix
    return [{ name, layer, role, rows, cols, sides: [other, matrix] as [MatrixSide, MatrixSide] }]
  })
}

function asInCheckpoint({ checkpointSizeBytes, rows, cols }: ResultMatrix): MatrixSide {
  return {
    sizeBytes: checkpointSizeBytes,
    bitsPerWeight: (checkpointSizeBytes * 8) / (rows * cols),
    relativeError: 0,
  }
}
