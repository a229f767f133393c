import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Precision } from '../../shared/contract/sidecar/common.ts'
import type { CalibrationResult } from '../../shared/contract/sidecar/calibration.ts'
import { insertCalibration, listCalibrations, type CalibrationRow } from '../db/index.ts'
import { throwIfAborted } from '../sidecar/index.ts'
import { calibrationSamples, loadTokenizer, readText, type TokenRows } from '../text/index.ts'
import { asking, lasting } from './asked.ts'
import type { Context } from './context.ts'
import { memoryLimit, resolveMachinery } from './device.ts'
import { projectFolder } from './home.ts'
import { openCheckpoint, type Model } from './model.ts'
import { outputFor } from './output.ts'
import { stretch } from './progress.ts'
import { runAsJob, stored, type RunOptions } from './recording.ts'
import { withTokenFile } from './tokens.ts'
import { trainingPart } from './wiki-text.ts'

export type CalibrationInputs = {
  /** File or folder of text; the bundled sample when absent. */
  text?: string | undefined
  /** Sequences, 100 when absent. */
  samples?: number | undefined
  /** Tokens in each; 512 or the checkpoint's context, whichever is less, when absent. */
  length?: number | undefined
  estimator?: CalibrationResult['estimator'] | undefined
  /** Of the products; fp32 when absent. */
  precision?: Precision | undefined
}

export type CalibrateRequest = CalibrationInputs & { checkpoint: string; out?: string | undefined }

export type CalibrateOutcome = {
  result: CalibrationResult
  text: { name: string; hash: string }
  project?: string
}

export async function calibrate(
  context: Context,
  request: CalibrateRequest,
  options: RunOptions = {},
): Promise<CalibrateOutcome> {
  const model = await openCheckpoint(context, request.checkpoint, options)
  const plan = await planCalibration(context, model, request)
  const out = outputFor(request.out, defaultFolder(context, model, plan), model.inspection.path)
  const { path: checkpoint } = model.inspection
  const lastingRequest = { ...request, checkpoint, text: lasting(request.text), out: lasting(request.out) }
  return runCalibration(context, model, plan, out, asking(options, { useCase: 'calibrate', request: lastingRequest }))
}

/** All that determines a calibration, with the text read and its defaults filled in. */
export type CalibrationPlan = Awaited<ReturnType<typeof planCalibration>>

export async function planCalibration(context: Context, model: Model, inputs: CalibrationInputs) {
  const text = await readText(calibrationText(context, inputs.text))
  return {
    text,
    samples: inputs.samples ?? 100,
    length: inputs.length ?? Math.min(512, model.inspection.contextLength),
    estimator: inputs.estimator ?? ('sample' as const),
    precision: inputs.precision ?? ('fp32' as const),
  }
}

/** The file or folder that is read; the bundled sample when none is named. */
export function calibrationText(context: Context, text: string | undefined): string {
  return text === undefined ? context.sample.take().calibrationText : trainingPart(text)
}

/** The sequences that a plan reads, the same ones every time. */
export async function samplesOf(model: Model, { text, samples, length }: CalibrationPlan): Promise<TokenRows> {
  const tokenizer = await loadTokenizer(model.inspection.path)
  return calibrationSamples(tokenizer.encode(text.text), { samples, length, textName: text.name })
}

/** A finished calibration of the same inputs that is still on disk. */
export function findCalibration(context: Context, model: Model, plan: CalibrationPlan): CalibrationRow | undefined {
  if (!model.project) return undefined
  return listCalibrations(context.database(), model.project.id).find(
    (row) =>
      row.textHash === plan.text.sha256 &&
      row.askedSamples === plan.samples &&
      row.length === plan.length &&
      row.estimator === plan.estimator &&
      row.precision === plan.precision &&
      ['calibration.json', 'tokens.safetensors'].every((name) => existsSync(join(row.path, name))),
  )
}

export function defaultFolder(context: Context, model: Model, plan: CalibrationPlan): string | undefined {
  if (!model.project) return undefined
  const products = plan.precision === 'fp32' ? '' : `-${plan.precision}`
  const name = `${plan.estimator}-${plan.samples}x${plan.length}-${plan.text.sha256.slice(0, 8)}${products}`
  return join(projectFolder(context.home, model.project.slug), 'calibrations', name)
}

export async function runCalibration(
  context: Context,
  model: Model,
  plan: CalibrationPlan,
  out: string,
  options: RunOptions,
): Promise<CalibrateOutcome> {
  const { text, samples, length, estimator, precision } = plan
  const machinery = await resolveMachinery(context, 'calibration.start', options)
  const limit = { memoryLimitBytes: memoryLimit(options) }
  const params = { ...machinery, ...limit, checkpoint: model.inspection.path, estimator, precision, out }
  const asked = { ...params, samples, length, text: text.name }
  const job = { kind: 'calibration' as const, projectId: model.project?.id, params: asked }
  const result = await runAsJob(context, job, options, async (onProgress) => {
    onProgress({ stage: 'Reading the text', fraction: 0, detail: text.name })
    const cut = await samplesOf(model, plan)
    throwIfAborted(options.signal)
    return withTokenFile(cut, (tokens) =>
      context.sidecar.runJob(
        'calibration.start',
        { ...params, tokens },
        { onProgress: stretch(onProgress, 0.02, 1), signal: options.signal },
      ),
    )
  })
  const { project } = model
  if (project) {
    const read = { askedSamples: samples, textName: text.name, textHash: text.sha256 }
    const entry = { projectId: project.id, result, ...read, now: Date.now() }
    stored(() => insertCalibration(context.database(), entry))
  }
  return { result, text: { name: text.name, hash: text.sha256 }, ...(project ? { project: project.slug } : {}) }
}
