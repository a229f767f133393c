import type { CheckpointInspectResult } from '../../shared/contract/sidecar/checkpoint.ts'
import type { Recipe } from '../../shared/contract/sidecar/quantization.ts'
import type { Stamp } from '../../shared/contract/studio/index.ts'
import { DEFAULT_RECIPE } from '../../shared/recipe/default-recipe.ts'
import { fail } from '../../shared/contract/studio-error.ts'
import { asking, lasting } from './asked.ts'
import type { Context } from './context.ts'
import { findEvaluation, planEvaluation, runEvaluation } from './evaluate.ts'
import { planCalibration } from './calibrate.ts'
import { openCheckpoint, openModel, type Model } from './model.ts'
import { outputFor } from './output.ts'
import { stretch } from './progress.ts'
import { ensureCalibration, findResult, resultFolder, runQuantization } from './quantize.ts'
import type { RunOptions } from './recording.ts'
import { makeStamp } from './stamp.ts'

export type MainJobRequest = {
  checkpoint: string
  /** The usual one when absent. */
  recipe?: Recipe | undefined
  /** Text to calibrate on; the bundled sample when absent. */
  text?: string | undefined
  /** Text to measure on; the bundled held-out text when absent. */
  evaluateOn?: string | undefined
}

export type Quality = { perplexity?: number; diverged: boolean }

export type MainJobOutcome = {
  project: { id: number; slug: string }
  checkpoint: CheckpointInspectResult
  recipe: Recipe
  /** Folder of the calibration, where the recipe needs one. */
  calibration?: string
  out: string
  bitsPerWeight: number
  sizeBytes: number
  fp16SizeBytes: number
  checkpointSizeBytes: number
  before: Quality
  after: Quality & { klMean?: number; top1Agreement?: number }
  stamp: Stamp
  /** What was taken over from an earlier run of the same inputs. */
  reused: { calibration: boolean; result: boolean; evaluation: boolean }
}

/**
 * The main job: calibrate, squeeze, measure before and after. What an earlier run of the same inputs has finished is
 * taken over from the project, so a run that was interrupted goes on where it stood.
 */
export async function mainJob(
  context: Context,
  request: MainJobRequest,
  given: Omit<RunOptions, 'record'> = {},
): Promise<MainJobOutcome> {
  const paths = {
    checkpoint: lasting(request.checkpoint),
    text: lasting(request.text),
    evaluateOn: lasting(request.evaluateOn),
  }
  const options = asking(given, { useCase: 'mainJob', request: { ...request, ...paths } })
  const part = (from: number, to: number) => ({ ...options, onProgress: stretch(options.onProgress, from, to) })
  const model = await openCheckpoint(context, request.checkpoint, options)
  const { project } = model
  if (!project) throw fail('internal', 'The main job has no project.')
  const recipe: Recipe = request.recipe ?? DEFAULT_RECIPE
  const calibration =
    recipe.weighting === 'none'
      ? undefined
      : await ensureCalibration(context, model, { text: request.text }, part(0, 0.35))
  const found = findResult(context, model, recipe, calibration?.path)
  const out = found?.path ?? outputFor(undefined, resultFolder(context, model, recipe), model.inspection.path)
  const samples = recipe.refine && !calibration ? await planCalibration(context, model, request) : undefined
  const plan = { recipe, calibration: calibration?.path, samples, out }
  const sizes = found ?? (await runQuantization(context, model, plan, part(0.35, 0.8))).result
  const squeezed = await openModel(context, out, options)
  const text = request.evaluateOn ?? context.sample.take().heldoutText
  const measured = await measure(context, squeezed, model, text, part(0.8, 1))
  const { bitsPerWeight, sizeBytes, fp16SizeBytes, checkpointSizeBytes } = sizes
  return {
    project: { id: project.id, slug: project.slug },
    checkpoint: model.inspection,
    recipe,
    ...(calibration ? { calibration: calibration.path } : {}),
    out,
    bitsPerWeight,
    sizeBytes,
    fp16SizeBytes,
    checkpointSizeBytes,
    before: measured.before,
    after: measured.after,
    stamp: measured.stamp,
    reused: { calibration: calibration?.made === false, result: found !== undefined, evaluation: measured.reused },
  }
}

/** Both perplexities in one pass, or from the project where they were measured on this text before. */
async function measure(context: Context, squeezed: Model, base: Model, text: string, options: RunOptions) {
  const plan = await planEvaluation(squeezed, { text })
  const [earlier, earlierBase] = [squeezed, base].map((model) => findEvaluation(context, model, plan))
  const klMean = earlier?.klMean ?? undefined
  if (earlier && earlierBase && klMean !== undefined) {
    const { top1Agreement } = earlier
    return {
      before: quality(earlierBase),
      after: { ...quality(earlier), klMean, ...(top1Agreement === null ? {} : { top1Agreement }) },
      stamp: makeStamp(earlier),
      reused: true,
    }
  }
  const { result, stamp } = await runEvaluation(context, { model: squeezed, against: base, plan }, options)
  const { divergence } = result
  // Beside a result that diverged nothing is known of the checkpoint: it is then measured by itself.
  const before = divergence
    ? { diverged: divergence.againstPerplexity === undefined, perplexity: divergence.againstPerplexity }
    : (await runEvaluation(context, { model: base, against: undefined, plan }, options)).result
  return {
    before: quality(before),
    after: {
      ...quality(result),
      ...(divergence ? { klMean: divergence.klMean, top1Agreement: divergence.top1Agreement } : {}),
    },
    stamp,
    reused: false,
  }
}

function quality({ diverged, perplexity }: { diverged: boolean; perplexity?: number | null | undefined }): Quality {
  return { diverged, ...(typeof perplexity === 'number' ? { perplexity } : {}) }
}
