import type { Precision } from '../../shared/contract/sidecar/common.ts'
import type { EvaluationResult } from '../../shared/contract/sidecar/evaluation.ts'
import type { Stamp } from '../../shared/contract/studio/index.ts'
import { insertEvaluation, listEvaluations, type EvaluationRow } from '../db/index.ts'
import { throwIfAborted } from '../sidecar/index.ts'
import { evaluationWindows, loadTokenizer, readText, type Tokenizer, type WindowBos } from '../text/index.ts'
import { asking, lasting } from './asked.ts'
import type { Context } from './context.ts'
import { hiddenStateLimit, resolveMachinery } from './device.ts'
import { openModel, type Model } from './model.ts'
import { stretch } from './progress.ts'
import { runAsJob, stored, type RunOptions } from './recording.ts'
import { makeStamp } from './stamp.ts'
import { withTokenFile } from './tokens.ts'

export type EvaluationInputs = {
  /** File or folder of text. */
  text: string
  /** Tokens in a window; 2048 or the model's context, whichever is less, when absent. */
  window?: number | undefined
  /** Read no more than this many windows. */
  limitWindows?: number | undefined
  /** Where a BOS token is put; where the tokenizer itself would, when absent. */
  bos?: WindowBos | undefined
  /** Of the products; fp32, which other tools' numbers are, when absent. */
  precision?: Precision | undefined
}

export type EvaluateRequest = EvaluationInputs & {
  /** Folder of a checkpoint or of a result. */
  model: string
  /** Folder of the model to compare with. */
  against?: string | undefined
}

export type EvaluateOutcome = { result: EvaluationResult; stamp: Stamp; project?: string }

export async function evaluate(
  context: Context,
  request: EvaluateRequest,
  options: RunOptions = {},
): Promise<EvaluateOutcome> {
  const model = await openModel(context, request.model, options)
  const against = request.against === undefined ? undefined : await openModel(context, request.against, options)
  const plan = await planEvaluation(model, request)
  const paths = { model: model.inspection.path, against: against?.inspection.path, text: lasting(request.text) }
  const run = asking(options, { useCase: 'evaluate', request: { ...request, ...paths } })
  return runEvaluation(context, { model, against, plan }, run)
}

/** All that determines a perplexity, with the text read and its defaults filled in. */
export type EvaluationPlan = Awaited<ReturnType<typeof planEvaluation>>

export async function planEvaluation(model: Model, inputs: EvaluationInputs) {
  const tokenizer = await loadTokenizer(model.inspection.path)
  return {
    text: await readText(inputs.text),
    tokenizer,
    window: inputs.window ?? Math.min(2048, model.inspection.contextLength),
    limitWindows: inputs.limitWindows,
    bos: inputs.bos ?? habitualBos(tokenizer),
    precision: inputs.precision ?? ('fp32' as const),
  }
}

type Subjects = { model: Model; against: Model | undefined; plan: EvaluationPlan }

export async function runEvaluation(
  context: Context,
  subjects: Subjects,
  options: RunOptions,
): Promise<EvaluateOutcome> {
  const { model, against, plan } = subjects
  const { text, tokenizer, window, limitWindows, bos, precision } = plan
  const machinery = await resolveMachinery(context, 'evaluation.start', options)
  const comparison = against ? { against: against.inspection.path } : {}
  const limit = hiddenStateLimit(options)
  const params = { model: model.inspection.path, ...comparison, precision, ...machinery, ...limit }
  const job = {
    kind: 'evaluation' as const,
    projectId: model.project?.id,
    params: { ...params, text: text.name, window, bos, limitWindows },
  }
  const result = await runAsJob(context, job, options, async (onProgress) => {
    onProgress({ stage: 'Reading the text', fraction: 0, detail: text.name })
    const windows = evaluationWindows(tokenizer.encode(text.text), {
      window,
      bos,
      ...(tokenizer.bosId === undefined ? {} : { bosId: tokenizer.bosId }),
      ...(limitWindows === undefined ? {} : { limit: limitWindows }),
    })
    throwIfAborted(options.signal)
    return withTokenFile(windows, (tokens) =>
      context.sidecar.runJob(
        'evaluation.start',
        { ...params, tokens },
        { onProgress: stretch(onProgress, 0.02, 1), signal: options.signal },
      ),
    )
  })
  recordEvaluation(context, subjects, result)
  const stamp = makeStamp({ ...result, textName: text.name, textHash: text.sha256, bos })
  return { result, stamp, ...(model.project ? { project: model.project.slug } : {}) }
}

/** The newest measurement of these weights by this plan. */
export function findEvaluation(context: Context, model: Model, plan: EvaluationPlan): EvaluationRow | undefined {
  if (!model.project) return undefined
  return listEvaluations(context.database(), model.project.id).find(
    (row) =>
      row.modelFingerprint === model.inspection.fingerprint &&
      row.textHash === plan.text.sha256 &&
      row.windowLength === plan.window &&
      row.bos === plan.bos &&
      row.precision === plan.precision &&
      (row.limitWindows ?? undefined) === plan.limitWindows,
  )
}

/** Where the tokenizer itself puts a BOS token: at the start of a text, or nowhere. */
function habitualBos(tokenizer: Tokenizer): WindowBos {
  const [first] = tokenizer.encode('a', { addSpecial: true })
  return tokenizer.bosId !== undefined && first === tokenizer.bosId ? 'text' : 'none'
}

/** A row for the model and, since the same pass measured it, one for what it was compared with. */
function recordEvaluation(context: Context, { model, against, plan }: Subjects, result: EvaluationResult): void {
  const { text, bos, limitWindows } = plan
  const shared = { textName: text.name, textHash: text.sha256, bos, limitWindows, now: Date.now() }
  const write = (subject: Model, againstPath: string | undefined, measured: EvaluationResult) => {
    const { project } = subject
    if (!project) return
    stored(() =>
      insertEvaluation(context.database(), {
        ...shared,
        projectId: project.id,
        resultId: subject.result?.id,
        modelFingerprint: subject.inspection.fingerprint,
        againstPath,
        result: measured,
      }),
    )
  }
  const reference = result.divergence?.againstPerplexity
  if (against && reference !== undefined && !findEvaluation(context, against, plan)) {
    const { divergence: _, ...own } = result
    write(against, undefined, { ...own, diverged: false, perplexity: reference, meanNll: Math.log(reference) })
  }
  write(model, against?.inspection.path, result)
}
