import { join, resolve } from 'node:path'
import type { CalibrationChoices, CalibrationForecast } from '../../shared/contract/studio/index.ts'
import { fail } from '../../shared/contract/studio-error.ts'
import { listJobs } from '../db/index.ts'
import { loadTokenizer } from '../text/index.ts'
import { asked } from './asked.ts'
import { calibrationText, defaultFolder, planCalibration, type CalibrateRequest } from './calibrate.ts'
import type { Context } from './context.ts'
import { memoryLimit, resolveMachinery } from './device.ts'
import { openCheckpoint, type Model } from './model.ts'
import { projectRow } from './projects.ts'
import type { RunOptions } from './recording.ts'
import { findWikiText } from './wiki-text.ts'

export type ForecastOutcome = CalibrationForecast & { estimator: 'sample' | 'token'; precision: 'fp32' | 'bf16' }
type Counted = Pick<CalibrationForecast['text'], 'tokens' | 'exact'>

/** Characters that are tokenized to say how long a text is: a second's work at most. */
const COUNTED_CHARACTERS = 2_000_000

/** Says what a calibration would need. Keeps how many tokens the texts have that it was asked about. */
export function makeForecaster(context: Context) {
  const counts = new Map<string, Promise<Counted>>()
  return async (request: CalibrateRequest, options: RunOptions = {}): Promise<ForecastOutcome> => {
    const model = await openCheckpoint(context, request.checkpoint, options)
    const path = resolve(calibrationText(context, request.text))
    const { text, ...inputs } = await planCalibration(context, model, request)
    const key = `${model.inspection.fingerprint} ${text.sha256}`
    const counting = counts.get(key) ?? count(model, text.text)
    counts.set(key, counting)
    const { tokens, exact } = await counting
    const held = Math.floor(tokens / inputs.length)
    if (held < 1) {
      const [has, needs] = [tokens, inputs.length].map((number) => number.toLocaleString('en-US'))
      throw fail('text-too-short', `${text.name} has ${has} tokens; one sample needs ${needs}.`, {
        hint: 'Give a longer text or ask for shorter samples.',
      })
    }
    const samples = Math.min(inputs.samples, held)
    const machinery = await resolveMachinery(context, 'calibration.start', options)
    const memoryLimitBytes = memoryLimit(options)
    const { path: checkpoint } = model.inspection
    const out = resolve(request.out ?? defaultFolder(context, model, { ...inputs, text }) ?? join(context.home, 'out'))
    const asked = { checkpoint, ...inputs, samples, out, ...machinery, memoryLimitBytes }
    return {
      plan: await context.sidecar.call('calibration.plan', asked),
      device: machinery.device,
      memoryLimitBytes,
      ...inputs,
      samples,
      text: { name: text.name, path, tokens, exact, samples: held },
    }
  }
}

/** Of a long text, its first part is counted and the rest taken to be alike. */
async function count(model: Model, text: string): Promise<Counted> {
  const tokenizer = await loadTokenizer(model.inspection.path)
  const part = text.slice(0, COUNTED_CHARACTERS)
  const { length } = tokenizer.encode(part)
  return { tokens: Math.round((length * text.length) / part.length), exact: part.length === text.length }
}

/** What the page offers: the last calibration's inputs, whoever asked for it, and texts that are there. */
export function calibrationChoices(context: Context, projectId: number): CalibrationChoices {
  projectRow(context, projectId)
  const last = listJobs(context.database(), { projectId })
    .toSorted((a, b) => b.id - a.id)
    .map((job) => asked.safeParse(job.asked).data)
    .find((what) => what?.useCase === 'calibrate')
  const wikiText = findWikiText(context.places)
  const { text, samples, length, estimator } = last?.useCase === 'calibrate' ? last.request : {}
  const given = Object.entries({ text, samples, length, estimator }).filter(([, value]) => value !== undefined)
  return { last: Object.fromEntries(given), ...(wikiText === undefined ? {} : { wikiText }) }
}
