import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobResult } from '../../src/shared/contract/sidecar/job.ts'
import { makeTinyModel } from '../fixtures/make-tiny-model.ts'
import { writeTokenRows } from '../fixtures/safetensors.ts'
import { calibration, evaluation, quantization, recipe } from './requests.ts'
import { scratchFolder, tokenRows } from './scratch.ts'
import { Wire } from './wire.ts'

const scratch = scratchFolder()
const at = (name: string) => join(scratch, name)

/** Ways that differ in width, sparsity, rule, method, and from matrix to matrix. */
const RECIPES = [
  recipe({ weighting: 'fisher', bits: 3, sparsity: 0.0045 }),
  recipe({ weighting: 'fisher', bits: 2, sparsity: 0.0045 }),
  recipe({ weighting: 'fisher', bits: 4, outliers: 'loss-aware', sparsity: 0.01 }),
  recipe({ method: 'rtn', bits: 4 }),
  recipe({
    weighting: 'fisher',
    bits: 3,
    overrides: [
      { match: '*.down_proj', bits: 4, sparsity: 0.01 },
      { match: '*.layers.0.*.v_proj', bits: 16 },
    ],
  }),
  recipe({ weighting: 'fisher', bits: 3, sparsity: 0.0045, share: 4 }),
  recipe({ weighting: 'fisher', bits: 3, group: 32 }),
]

let wire: Wire
beforeAll(async () => {
  makeTinyModel(at('model'))
  writeTokenRows(at('tokens.safetensors'), tokenRows(6, 48))
  wire = await Wire.greeted()
  const { jobId } = await wire.result(
    'calibration.start',
    calibration(at('model'), at('tokens.safetensors'), at('calibration')),
  )
  await done('calibration', jobId)
})
afterAll(() => wire.close())

async function done<K extends JobResult['kind']>(kind: K, jobId: number): Promise<Extract<JobResult, { kind: K }>> {
  const ended = await wire.ended(jobId)
  expect(ended.error).toBeUndefined()
  expect(ended.result?.kind).toBe(kind)
  return ended.result as Extract<JobResult, { kind: K }>
}

const machinery = { device: 'cpu', threads: 0 }

test('a swept point has the figures that squeezing and evaluating give', async () => {
  const { jobId } = await wire.result('sweep.start', {
    checkpoint: at('model'),
    calibration: at('calibration'),
    tokens: at('tokens.safetensors'),
    recipes: RECIPES,
    precision: 'fp32',
    ...machinery,
  })
  const { points, meanNll, tokens, windows } = await done('sweep', jobId)
  expect(points).toHaveLength(RECIPES.length)
  // Told one by one as well; the last comes after the checkpoint's own pass is over.
  const told = wire.events.flatMap((event) => (event.method === 'sweep.measured' ? [event.params] : []))
  expect(told).toEqual(points.map((point, place) => ({ jobId, place, point, meanNll, tokens, windows })))
  for (const [index, asked] of RECIPES.entries()) {
    const out = at(`result-${index}`)
    const inputs = asked.weighting === 'fisher' ? { calibration: at('calibration') } : {}
    const squeezing = await wire.result(
      'quantization.start',
      quantization(at('model'), out, { ...inputs, recipe: asked }),
    )
    const squeezed = await done('quantization', squeezing.jobId)
    const measuring = await wire.result('evaluation.start', evaluation(out, at('tokens.safetensors'), at('model')))
    const measured = await done('evaluation', measuring.jobId)
    const point = points[index]
    expect(point?.objective).toBe(squeezed.objective)
    expect(point?.bitsPerWeight).toBeCloseTo(squeezed.bitsPerWeight, 12)
    // The written files hold headers too.
    expect(squeezed.sizeBytes).toBeGreaterThan(point?.sizeBytes ?? Infinity)
    expect(squeezed.sizeBytes).toBeLessThan((point?.sizeBytes ?? 0) + 20_000)
    expect(point?.meanNll).toBe(measured.meanNll)
    expect(point?.klMean).toBe(measured.divergence?.klMean)
    expect(point?.top1Agreement).toBe(measured.divergence?.top1Agreement)
    expect(Math.exp(meanNll ?? 0)).toBeCloseTo(measured.divergence?.againstPerplexity ?? 0, 9)
  }
  const mixed = await wire.result('checkpoint.inspect', { path: at('result-4') })
  expect(mixed.recipe).toEqual(RECIPES[4])
  expect(mixed.matrices[2]).toMatchObject({ role: 'v', storedAs: 'BF16' })
})

test('the table of errors is what results report, and goes on where it stood', async () => {
  const params = {
    checkpoint: at('model'),
    calibration: at('calibration'),
    bits: [2, 3],
    sparsities: [0, 0.0045],
    outliers: 'paper' as const,
    skip: [] as string[],
    ...machinery,
  }
  const first = await wire.result('errors.start', params)
  const all = await done('errors', first.jobId)
  expect(all.matrices).toBe(14)
  const rows = wire.events.flatMap((event) => (event.method === 'errors.measured' ? [event.params] : []))
  expect(rows).toHaveLength(14)
  const squeezing = await wire.result(
    'quantization.start',
    quantization(at('model'), at('compared'), {
      calibration: at('calibration'),
      recipe: recipe({ weighting: 'fisher', bits: 3, sparsity: 0.0045 }),
    }),
  )
  const squeezed = await done('quantization', squeezing.jobId)
  for (const { matrix } of rows) {
    const outcome = squeezed.matrices.find(({ name }) => name === matrix.name)
    const cell = matrix.cells.find(({ bits, sparsity }) => bits === 3 && sparsity === 0.0045)
    expect(cell?.objective).toBe(outcome?.objective)
    expect((8 * (cell?.sizeBytes ?? 0)) / matrix.weights).toBeCloseTo(outcome?.bitsPerWeight ?? 0, 12)
    expect(matrix.cells.map(({ bits, sparsity }) => [bits, sparsity])).toEqual([
      [2, 0],
      [3, 0],
      [2, 0.0045],
      [3, 0.0045],
    ])
  }
  const skip = rows.slice(0, 10).map(({ matrix }) => matrix.name)
  const rest = await wire.result('errors.start', { ...params, skip })
  expect((await done('errors', rest.jobId)).matrices).toBe(4)
})

test('errors of a matrix with many rows are judged by some of them, at exact sizes', async () => {
  const params = {
    checkpoint: at('model'),
    calibration: at('calibration'),
    bits: [2, 4, 5],
    sparsities: [0, 0.01],
    outliers: 'paper' as const,
    skip: [] as string[],
    ...machinery,
  }
  const table = async (rows?: number) => {
    const { jobId } = await wire.result('errors.start', { ...params, ...(rows === undefined ? {} : { rows }) })
    await done('errors', jobId)
    return wire.events.flatMap(({ method, params: told }) =>
      method === 'errors.measured' && told.jobId === jobId ? [told.matrix] : [],
    )
  }
  const [exact, judged] = [await table(), await table(40)]
  const [small, large] = [exact.filter(isSmall), exact.filter((matrix) => !isSmall(matrix))]
  expect(small.length * large.length).toBeGreaterThan(0)
  for (const matrix of exact) {
    expect(matrix.clusteredRows).toBeUndefined()
    const other = judged.find(({ name }) => name === matrix.name)
    if (isSmall(matrix)) {
      expect(other).toEqual(matrix)
      continue
    }
    expect(other?.clusteredRows).toBe(40)
    for (const [index, cell] of matrix.cells.entries()) {
      expect(other?.cells[index]?.sizeBytes).toBe(cell.sizeBytes)
      expect((other?.cells[index]?.objective ?? 0) / cell.objective).toBeGreaterThan(0.7)
      expect((other?.cells[index]?.objective ?? 0) / cell.objective).toBeLessThan(1.4)
    }
  }
})

/** Two heads of keys and values are 32 rows; all other matrices have 64 or more. */
const isSmall = ({ role }: { role: string }) => role === 'k' || role === 'v'

test('recipes that cannot be are refused by their place', async () => {
  const params = {
    checkpoint: at('model'),
    tokens: at('tokens.safetensors'),
    recipes: [recipe(), recipe({ weighting: 'fisher' })],
    precision: 'fp32' as const,
    ...machinery,
  }
  await expect(wire.result('sweep.start', params)).rejects.toThrow(/recipes\[1\].*calibration/)
  const strange = [recipe({ overrides: [{ match: '*', bits: 12 }] })]
  await expect(wire.result('sweep.start', { ...params, recipes: strange })).rejects.toThrow(/12 bits/)
})
