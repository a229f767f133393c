import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { makeTinyCheckpoint } from '../fixtures/make-tiny-checkpoint.ts'
import { describeBuilt, jsonIn, sampleText, scratchFolder, squeeze } from './squeeze.ts'

type Point = {
  recipe: { bits: number; sparsity: number }
  measured: { perplexity: number; sizeBytes: number; bitsPerWeight: number }
}

/** In this order: later ones take what earlier ones left in the project. */
describeBuilt('sweeping', () => {
  const folder = scratchFolder()
  const home = join(folder, 'home')
  const checkpoint = join(folder, 'tiny')
  const json = jsonIn(home)
  const inputs = [
    '--text',
    sampleText,
    '--samples',
    '6',
    '--length',
    '64',
    '--evaluate-on',
    sampleText,
    '--limit-windows',
    '4',
  ]

  beforeAll(() => void makeTinyCheckpoint(checkpoint))

  it('measures a grid, and a second time only what is new', async () => {
    const grid = ['--bits', '2,4', '--sparsity', '0,1%']
    const first = await json(['sweep', checkpoint, ...inputs, ...grid])
    expect(first.status).toBe(0)
    expect(first.last).toMatchObject({ kind: 'sweep', fresh: 4 })
    const points = first.last.points as Point[]
    expect(points.map(({ recipe }) => [recipe.bits, recipe.sparsity])).toEqual([
      [2, 0],
      [4, 0],
      [2, 0.01],
      [4, 0.01],
    ])
    const sizes = points.map(({ measured }) => measured.sizeBytes)
    expect(sizes[0]).toBeLessThan(sizes[1] ?? 0)
    expect(sizes[0]).toBeLessThan(sizes[2] ?? 0)
    const again = await json(['sweep', checkpoint, ...inputs, '--bits', '2,3,4', '--sparsity', '0,1%'])
    expect(again.last.fresh).toBe(2)
    expect((again.last.points as Point[])[0]).toMatchObject({ measured: points[0]?.measured })
  })

  it('reads 16,384 tokens where no limit is named, or all', async () => {
    const asked = ['sweep', checkpoint, ...inputs.slice(0, 6), '--bits', '4', '--sparsity', '0']
    const some = await json(asked)
    expect(some.last.stamp).toMatchObject({ windowLength: 256, windows: 64 })
    expect(some.last.pointsPerSecond).toBeGreaterThan(0)
    const all = await json([...asked, '--limit-windows', 'all'])
    expect((all.last.stamp as { windows: number }).windows).toBeGreaterThan(64)
    expect((await json(asked)).last).toMatchObject({ fresh: 0 })
  })

  it('says of a point what evaluate says of the result', async () => {
    const out = join(folder, 'result')
    const made = await json([
      'quantize',
      checkpoint,
      '--bits',
      '4',
      '--sparsity',
      '1%',
      '--as-published',
      ...inputs.slice(0, 6),
      '--out',
      out,
    ])
    const measured = await json(['evaluate', out, '--text', sampleText, '--limit-windows', '4'])
    const swept = await json(['sweep', checkpoint, ...inputs, '--bits', '4', '--sparsity', '1%'])
    const [point] = swept.last.points as Point[]
    expect(point?.measured.perplexity).toBe(measured.last.perplexity)
    expect(point?.measured.bitsPerWeight).toBeCloseTo(made.last.bitsPerWeight as number, 12)
  })

  it('allots bits to a budget; the file is squeezed by, and keeps to it', async () => {
    const file = join(folder, 'mixed.json')
    const asked = ['recipe', checkpoint, ...inputs.slice(0, 6), '--budget', '5bpw', '--keep', '*.layers.1.*.o_proj']
    const allotted = await json([...asked, '--out', file])
    expect(allotted.status).toBe(0)
    const cost = allotted.last.cost as { bitsPerWeight: number; objective: number }
    expect(cost.bitsPerWeight).toBeLessThanOrEqual(5)
    expect(cost.objective).toBeGreaterThanOrEqual(allotted.last.lowerBound as number)
    const made = await json([
      'quantize',
      checkpoint,
      '--recipe',
      file,
      ...inputs.slice(0, 6),
      '--out',
      join(folder, 'mixed'),
    ])
    expect(made.status).toBe(0)
    expect(made.last.bitsPerWeight).toBeCloseTo(cost.bitsPerWeight, 12)
    expect(made.last.objective).toBeCloseTo(cost.objective, 9)
    expect(made.last.recipe).toEqual(JSON.parse(readFileSync(file, 'utf8')))
    const kept = (made.last.matrices as { name: string; bits: number }[]).filter(({ bits }) => bits === 16)
    expect(kept.map(({ name }) => name)).toContain('model.layers.1.self_attn.o_proj.weight')
    expect((await json([...asked, '--out', file])).last).toMatchObject({ kind: 'error', code: 'output-exists' })
  })

  it('names what is wrong with a recipe or a budget', async () => {
    const bad = join(folder, 'bad.json')
    writeFileSync(bad, '{ "bits": 3, "overrides": [{ "match": "*", "bitz": 4, "bits": 99 }] }')
    const refused = await json(['quantize', checkpoint, '--recipe', bad])
    expect(refused.last).toMatchObject({ kind: 'error', code: 'file-malformed' })
    expect(refused.last.message).toContain('overrides.0.bits')
    writeFileSync(bad, '{ "bit": 3 }')
    expect((await json(['quantize', checkpoint, '--recipe', bad])).last.message).toMatch(/bit\b/)
    const small = await json(['recipe', checkpoint, ...inputs.slice(0, 6), '--budget', '1bpw'])
    expect(small.last).toMatchObject({ kind: 'error', code: 'invalid-request' })
    const unread = await squeeze(['recipe', checkpoint, '--budget', 'small', '--home', home])
    expect(unread.status).toBe(2)
  })
})
