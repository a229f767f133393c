import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { Wire } from './wire.ts'

const recipe = {
  method: 'squeezellm',
  bits: 3,
  sparsity: 0.0045,
  outliers: 'paper',
  solver: 'exact',
  weighting: 'none',
}
const quantization = { checkpoint: '/nowhere', recipe, out: '/nowhere-at-all/out', device: 'cpu', threads: 0 }
const sampling = { temperature: 0, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1, seed: 0 }
const generation = { modelId: 1, prompt: [1], maxTokens: 4, stopTokens: [], sampling }

describe('params', () => {
  let wire: Wire
  beforeAll(async () => {
    wire = await Wire.greeted()
  })
  afterAll(() => wire.close())

  const without = (object: object, key: string) => Object.fromEntries(Object.entries(object).filter(([k]) => k !== key))

  test.each([
    [
      'a fraction for an integer',
      'quantization.start',
      { ...quantization, recipe: { ...recipe, bits: 3.7 } },
      'params.recipe.bits: expected an integer from 2 to 8, found 3.7',
    ],
    [
      'too many bits',
      'quantization.start',
      { ...quantization, recipe: { ...recipe, bits: 9 } },
      'params.recipe.bits: expected an integer from 2 to 8, found 9',
    ],
    [
      'an unknown name',
      'quantization.start',
      { ...quantization, recipe: { ...recipe, solver: 'guess' } },
      'params.recipe.solver: expected one of "exact", "lloyd", found "guess"',
    ],
    [
      'a number for a name',
      'quantization.start',
      { ...quantization, recipe: { ...recipe, solver: 0 } },
      'params.recipe.solver: expected one of "exact", "lloyd", found 0',
    ],
    [
      'a share above the limit',
      'quantization.start',
      { ...quantization, recipe: { ...recipe, sparsity: 0.3 } },
      'params.recipe.sparsity: expected a number from 0 to 0.2, found 0.3',
    ],
    [
      'text for a number',
      'quantization.start',
      { ...quantization, threads: '2' },
      'params.threads: expected an integer from 0 to 1024, found "2"',
    ],
    [
      'null for an optional field',
      'quantization.start',
      { ...quantization, calibration: null },
      'params.calibration: expected a string, found null',
    ],
    ['a missing field', 'quantization.start', without(quantization, 'out'), 'params.out: missing'],
    [
      'a missing inner field',
      'quantization.start',
      { ...quantization, recipe: without(recipe, 'weighting') },
      'params.recipe.weighting: missing',
    ],
    [
      'an unknown field',
      'quantization.start',
      { ...quantization, recipe: { ...recipe, groups: 128 } },
      'params.recipe.groups: unknown field',
    ],
    [
      'an array for an object',
      'quantization.start',
      { ...quantization, recipe: [] },
      'params.recipe: expected an object, found an array of 0',
    ],
    ['no params', 'checkpoint.inspect', undefined, 'params.path: missing'],
    ['an id below the first', 'job.cancel', { jobId: 0 }, 'params.jobId: expected an integer >= 1, found 0'],
    [
      'an integer beyond what a host can hold',
      'job.cancel',
      { jobId: 2 ** 53 },
      'params.jobId: expected an integer >= 1',
    ],
    [
      'an empty prompt',
      'generation.start',
      { ...generation, prompt: [] },
      'params.prompt: expected 1 to 1048576 items, found an array of 0',
    ],
    [
      'a negative token',
      'generation.start',
      { ...generation, prompt: [1, 2, -3] },
      'params.prompt[2]: expected an integer >= 0, found -3',
    ],
    [
      'a cold sampler',
      'generation.start',
      { ...generation, sampling: { ...sampling, temperature: -1 } },
      'params.sampling.temperature: expected a number from 0 to 10, found -1',
    ],
  ])('%s is refused by its path', async (_, method, params, message) => {
    const { code, info } = await wire.refusal(method, params)
    expect(code).toBe(-32602)
    expect(info.code).toBe('invalid-request')
    expect(info.message).toContain(message)
  })

  test('an integer written as 3.0 or 3e0 is one', async () => {
    wire.sendRaw(frameOf('{"jsonrpc":"2.0","id":"float","method":"job.cancel","params":{"jobId":3.0}}'))
    expect((await wire.reply(({ id }) => id === 'float')).result).toEqual({ found: false })
  })

  test('a number too large for any type is refused', async () => {
    wire.sendRaw(frameOf('{"jsonrpc":"2.0","id":"huge","method":"job.cancel","params":{"jobId":1e999}}'))
    const reply = await wire.reply(({ id, error }) => id === 'huge' || error?.code === -32700)
    expect(reply.error).toBeDefined()
  })

  test('what is well-formed but wrong is an error of the application', async () => {
    const method = await wire.refusal('quantization.start', { ...quantization, recipe: { ...recipe, method: 'zip' } })
    expect(method.code).toBe(-32000)
    expect(method.info.message).toMatch(/"zip".*squeezellm/)
    const device = await wire.refusal('quantization.start', { ...quantization, device: 'cuda:0' })
    expect(device.info.code).toBe('device-unavailable')
    const fisher = { ...quantization, recipe: { ...recipe, weighting: 'fisher' } }
    expect((await wire.refusal('quantization.start', fisher)).info).toMatchObject({
      code: 'invalid-request',
      message: expect.stringContaining('calibration') as string,
    })
    expect((await wire.refusal('generation.start', generation)).info.code).toBe('not-found')
    expect((await wire.refusal('checkpoint.inspect', { path: '/nowhere' })).info.code).toBe('file-not-found')
  })
})

const frameOf = (body: string) => `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
