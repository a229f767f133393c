import type { CalibrationForecast } from '../../../shared/contract/studio/index.ts'
import { duration, exact, size } from '../../ui/units.ts'

/** A plan in words; every figure of it is a prediction, and says "about". */
export function forecastFacts({
  plan,
  text,
  samples,
  length,
  device,
  memoryLimitBytes,
}: CalibrationForecast): { name: string; value: string }[] {
  const about = text.exact ? '' : 'about '
  const enough = text.samples > samples ? `${exact(samples)} of ${about}${exact(text.samples)}` : exact(samples)
  const limit = memoryLimitBytes > 0 ? `, limited to ${size(memoryLimitBytes)}` : ''
  const activations = `${size(plan.activationBytes)} of activations ${plan.activationsOnDisk ? 'on the disk' : 'in it'}`
  return [
    { name: 'Text', value: `${text.name}, ${about}${exact(text.tokens)} tokens` },
    { name: 'Samples', value: `${enough}, ${exact(length)} tokens each` },
    {
      name: 'Memory',
      value: `about ${size(plan.memoryBytes)}, ${activations}; ${size(plan.freeMemoryBytes)} free${limit}`,
    },
    ...(plan.gpuMemoryBytes === undefined
      ? []
      : [{ name: 'GPU memory', value: `about ${size(plan.gpuMemoryBytes)} of ${device}` }]),
    {
      name: 'Disk',
      value: `at most ${size(plan.diskBytes)}, ${size(plan.resultBytes)} in the end; ${size(plan.freeDiskBytes)} free`,
    },
    {
      name: 'Time',
      value:
        plan.durationMs === undefined
          ? `not known before it runs on ${device}`
          : `about ${duration(plan.durationMs)} on ${device}`,
    },
  ]
}
