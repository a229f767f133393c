import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { CalibrationResult } from '../../src/shared/contract/sidecar/calibration.ts'
import type { JobResult } from '../../src/shared/contract/sidecar/job.ts'
import { makeTinyModel } from '../fixtures/make-tiny-model.ts'
import { writeTokenRows } from '../fixtures/safetensors.ts'
import { calibration, quantization, recipe } from './requests.ts'
import { scratchFolder, tokenRows } from './scratch.ts'
import { Wire } from './wire.ts'

const scratch = scratchFolder()
const at = (name: string) => join(scratch, name)
const TENSOR = 'model.layers.1.mlp.down_proj.weight'
const look = { checkpoint: at('model'), calibration: at('calibration'), tensor: TENSOR }

let wire: Wire
let calibrated: CalibrationResult
beforeAll(async () => {
  makeTinyModel(at('model'))
  makeTinyModel(at('another'), { seed: 2 })
  writeTokenRows(at('tokens.safetensors'), tokenRows(6, 48))
  wire = await Wire.greeted()
  const asked = calibration(at('model'), at('tokens.safetensors'), at('calibration'))
  calibrated = await done('calibration', (await wire.result('calibration.start', asked)).jobId)
})
afterAll(() => wire.close())

async function done<K extends JobResult['kind']>(kind: K, jobId: number): Promise<Extract<JobResult, { kind: K }>> {
  const ended = await wire.ended(jobId)
  expect(ended.error).toBeUndefined()
  expect(ended.result?.kind).toBe(kind)
  return ended.result as Extract<JobResult, { kind: K }>
}

const floats = (text: string) => new Float32Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer)
const bfloats = (text: string) => {
  const halves = new Uint16Array(Uint8Array.from(Buffer.from(text, 'base64')).buffer)
  return new Float32Array(Uint32Array.from(halves, (half) => half << 16).buffer)
}
const sum = (values: Iterable<number>) => [...values].reduce((total, value) => total + value, 0)

test('the sums of a matrix are those that its calibration reported', async () => {
  const seen = await wire.result('matrix.weights', look)
  const known = calibrated.matrices.find(({ name }) => name === TENSOR)
  expect([seen.rows, seen.cols]).toEqual([known?.rows, known?.cols])
  expect(seen.sensitivitySum).toBeCloseTo(known?.sum ?? NaN, 9)
  expect(seen.sensitivityMax).toBe(known?.max)
  expect(sum(seen.histogram)).toBe(seen.rows * seen.cols)
  expect(floats(seen.ofRows)).toHaveLength(seen.rows)
  for (const sums of [seen.ofRows, seen.ofCols]) {
    expect(sum(floats(sums)) / seen.sensitivitySum).toBeCloseTo(1, 5)
  }
})

test('what the rule would keep, and what codebooks cost, is what squeezing keeps and costs', async () => {
  const seen = await wire.result('matrix.outliers', { ...look, sparsity: 0.0045 })
  const kept = recipe({ weighting: 'fisher', bits: 3, sparsity: 0.0045 })
  const dense = { ...kept, sparsity: 0 }
  for (const [name, asked] of Object.entries({ kept, dense })) {
    const params = quantization(at('model'), at(name), { calibration: at('calibration'), recipe: asked })
    const { matrices } = await done('quantization', (await wire.result('quantization.start', params)).jobId)
    const outcome = matrices.find((each) => each.name === TENSOR)
    const width = seen.widths.find(({ bits }) => bits === 3)
    if (asked === kept) expect(seen.sensitive + seen.beyond).toBe(outcome?.sparseCount)
    else {
      expect(width?.objective).toBeCloseTo(outcome?.objective ?? NaN, 12)
      expect(width?.relativeError).toBeCloseTo(outcome?.relativeError ?? NaN, 12)
    }
  }
  expect(seen.widths.map(({ bits }) => bits)).toEqual([2, 3, 4, 5, 6, 7, 8])
})

test('a channel, and the cells of a tile at full resolution, are the same weights', async () => {
  const channel = await wire.result('matrix.channel', { ...look, channel: 5 })
  const { rows, cols } = await wire.result('matrix.weights', look)
  const part = { pool: 'mean' as const, row: 4, col: 0, rows: 3, cols, height: 3, width: cols }
  const tile = await wire.result('matrix.tile', { ...look, show: 'weight', ...part })
  expect([...bfloats(tile.cells).slice(cols, 2 * cols)]).toEqual([...floats(channel.weights)])
  const costs = channel.codebooks.map(({ objective }) => objective)
  expect(costs).toEqual(costs.toSorted((a, b) => b - a))
  const all = { pool: 'extreme' as const, row: 0, col: 0, rows, cols, height: 1, width: 1 }
  const one = await wire.result('matrix.tile', { ...look, show: 'sensitivity', ...all })
  const { sensitivityMax } = await wire.result('matrix.weights', look)
  expect((bfloats(one.cells)[0] ?? NaN) / sensitivityMax).toBeCloseTo(1, 2)
})

test('a look is answered while a job runs', async () => {
  const slow = calibration(at('model'), at('many.safetensors'), at('slow'))
  writeTokenRows(at('many.safetensors'), tokenRows(400, 200))
  const { jobId } = await wire.result('calibration.start', slow)
  await wire.result('matrix.outliers', { ...look, sparsity: 0.0045 })
  expect(wire.endings(jobId)).toEqual([])
  await wire.result('job.cancel', { jobId })
  await wire.ended(jobId)
})

test.each([
  ['matrix.weights', { tensor: 'model.norm.weight' }, 'tensor-missing', 'params.tensor: '],
  ['matrix.weights', { calibration: at('nothing') }, 'file-not-found', at('nothing')],
  ['matrix.weights', { checkpoint: at('another') }, 'calibration-mismatch', 'was made for another checkpoint'],
  ['matrix.channel', { channel: 64 }, 'invalid-request', 'params.channel: 64 is not among the 64 output channels'],
  ['matrix.channel', { channel: -1 }, 'invalid-request', 'params.channel'],
  ['matrix.outliers', { sparsity: 0.5 }, 'invalid-request', 'params.sparsity'],
  ['matrix.tile', { col: 100, cols: 61 }, 'invalid-request', 'params.cols: 61 from 100 on go beyond the 160'],
  ['matrix.tile', { width: 1025 }, 'invalid-request', 'params.width'],
  ['matrix.tile', { rows: 2, height: 3 }, 'invalid-request', 'params.height: 3 cells are more than the 2 entries'],
])('%s with %o is refused', async (method, params, code, words) => {
  const others = {
    'matrix.weights': {},
    'matrix.channel': {},
    'matrix.outliers': {},
    'matrix.tile': { show: 'weight', pool: 'mean', row: 0, col: 0, rows: 64, cols: 160, height: 1, width: 1 },
  }[method]
  const { info } = await wire.refusal(method, { ...look, ...others, ...params })
  expect(info.code).toBe(code)
  expect(info.message).toContain(words)
})
