import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { makeTinyCheckpoint } from '../fixtures/make-tiny-checkpoint.ts'
import { describeBuilt, jsonIn, sampleText, scratchFolder, squeeze, type Run } from './squeeze.ts'

/** Every command on a tiny checkpoint, in the order of the main job; later ones use what earlier ones made. */
describeBuilt('the commands', () => {
  const folder = scratchFolder()
  const home = join(folder, 'home')
  const checkpoint = join(folder, 'tiny')
  const calibration = join(folder, 'calibration')
  const result = join(folder, 'result')
  const json = jsonIn(home)
  const human = (args: string[], input?: string) =>
    squeeze([...args, '--home', home], { cwd: folder, ...(input === undefined ? {} : { input }) })
  const small = ['--samples', '6', '--length', '64']

  beforeAll(() => {
    makeTinyCheckpoint(checkpoint)
  })

  const done = (run: Run, kind: string) => {
    expect(run.stderr + run.stdout.slice(-2000)).not.toMatch(/"kind":"error"/)
    expect(run.status).toBe(0)
    expect(run.last.kind).toBe(kind)
    expect(run.lines.slice(0, -1).every((line) => line.kind === 'progress')).toBe(true)
    const fractions = run.lines.slice(0, -1).map((line) => line.fraction as number)
    expect(fractions).toEqual(fractions.toSorted((a, b) => a - b))
    return run.last
  }

  it('inspect', async () => {
    const found = done(await json(['inspect', checkpoint]), 'inspect')
    expect(found).toMatchObject({
      content: 'dense',
      family: 'llama',
      dtype: 'BF16',
      layers: 2,
      contextLength: 256,
      bitsPerWeight: 16,
      tokenizer: { source: 'tokenizer.json', chatTemplate: true },
      project: 'tiny',
    })
    expect(found.matrices).toHaveLength(14)
    const { status, stdout } = await human(['inspect', 'tiny'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/Architecture +LlamaForCausalLM \(llama\), 2 layers/)
    expect(stdout).toMatch(/down +64 × 160 +2/)
  })

  it('calibrate', async () => {
    const made = done(
      await json(['calibrate', checkpoint, '--text', sampleText, ...small, '--out', calibration]),
      'calibrate',
    )
    expect(made).toMatchObject({
      out: calibration,
      samples: 6,
      length: 64,
      estimator: 'sample',
      precision: 'fp32',
      text: { name: 'calibration.txt' },
    })
    expect(made.matrices).toHaveLength(14)
    expect(existsSync(join(calibration, 'fisher.safetensors'))).toBe(true)
    const { stdout, stderr, status } = await human(['calibrate', 'tiny', '--sample', ...small, '--estimator', 'token'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/Most sensitive matrices/)
    expect(stderr).toMatch(/Reading the text\n/)
    expect(readdirSync(join(home, 'projects', 'tiny', 'calibrations'))).toHaveLength(1)
  })

  it('calibrate --plan says what it would need, and makes nothing', async () => {
    const args = ['calibrate', checkpoint, '--text', sampleText, ...small, '--plan']
    const found = done(await json(args), 'calibration-plan')
    expect(found).toMatchObject({
      samples: 6,
      length: 64,
      device: expect.stringMatching(/^(cpu|cuda:0)$/),
      memoryLimitBytes: 0,
      text: { name: 'calibration.txt', path: sampleText, exact: true },
      plan: { activationsOnDisk: false, problems: [] },
    })
    expect(found.text.samples).toBe(Math.floor(found.text.tokens / 64))
    const { stdout, status } = await human(['calibrate', 'tiny', '--sample', ...small, '--plan', '--device', 'cpu'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/Time +about [\d.]+ m?s/)
    expect(stdout).toMatch(/It fits/)
    expect(readdirSync(join(home, 'projects', 'tiny', 'calibrations'))).toHaveLength(1)
  })

  it('--memory limits what a calibration keeps in memory, and one that cannot be kept is refused', async () => {
    const args = ['calibrate', checkpoint, '--sample', ...small, '--device', 'cpu']
    const { plan } = (await json([...args, '--plan'])).last
    const working = plan.memoryBytes - plan.activationBytes
    const limited = (await json([...args, '--plan', '--memory', `${working + 1000}B`])).last
    expect(limited).toMatchObject({ memoryLimitBytes: working + 1000, plan: { activationsOnDisk: true } })
    const out = join(folder, 'limited')
    const made = done(
      await json([...args, '--memory', `${working + 1000}B`, '--out', out, '--no-project']),
      'calibrate',
    )
    const whole = JSON.parse(readFileSync(join(calibration, 'calibration.json'), 'utf8'))
    expect(made.loss).toBeCloseTo(whole.loss, 12)
    const refused = await json([...args, '--memory', '10kB', '--out', join(folder, 'refused')])
    expect(refused.last).toMatchObject({ code: 'invalid-request', hint: expect.stringContaining('Allow at least') })
  })

  it('a text that is too short is named', async () => {
    const short = join(folder, 'haiku.txt')
    writeFileSync(short, 'An old silent pond')
    for (const more of [[], ['--plan']]) {
      const { last, status } = await json(['calibrate', checkpoint, '--text', short, ...more])
      expect(last).toMatchObject({
        code: 'text-too-short',
        message: expect.stringMatching(/^haiku\.txt has \d+ tokens/),
      })
      expect(status).toBe(3)
    }
  })

  it('WikiText-2 is found in its usual place, and its folder means its training part', async () => {
    const wiki = join(home, 'wikitext-2-raw')
    mkdirSync(wiki, { recursive: true })
    copyFileSync(sampleText, join(wiki, 'wiki.train.raw'))
    writeFileSync(join(wiki, 'wiki.test.raw'), 'not this one')
    for (const named of [['--wikitext'], ['--text', wiki]]) {
      const env = { HOME: folder }
      const { last } = await json(['calibrate', checkpoint, ...named, ...small, '--plan'], { env })
      expect(last.text).toMatchObject({ name: 'wiki.train.raw', path: join(wiki, 'wiki.train.raw') })
    }
  })

  it('quantize', async () => {
    const args = [
      'quantize',
      checkpoint,
      '--bits',
      '3',
      '--sparsity',
      '0.45%',
      '--calibration',
      calibration,
      '--out',
      result,
    ]
    const made = done(await json(args), 'quantize')
    expect(made).toMatchObject({
      out: result,
      calibration,
      recipe: {
        method: 'squeezellm',
        bits: 3,
        sparsity: 0.0045,
        outliers: 'loss-aware',
        solver: 'exact',
        weighting: 'fisher',
        refine: 20,
      },
    })
    expect(made.refinement.after).toBeLessThanOrEqual(made.refinement.before)
    expect(made.bitsPerWeight).toBeGreaterThan(3)
    expect(made.bitsPerWeight).toBeLessThan(8)
    expect(made.sizeBytes).toBeLessThan(made.checkpointSizeBytes)
    const inspected = done(await json(['inspect', result]), 'inspect')
    expect(inspected).toMatchObject({ content: 'quantized', recipe: made.recipe, project: 'tiny' })
    expect(inspected.bitsPerWeight).toBeCloseTo(made.bitsPerWeight, 6)
  })

  it('quantize in other ways than the usual', async () => {
    const args = ['quantize', checkpoint, '--calibration', calibration, '--bits', '2']
    const recipeOf = async (name: string, ...more: string[]) =>
      done(await json([...args, ...more, '--out', join(folder, name)]), 'quantize').recipe
    const published = await recipeOf('published', '--as-published')
    expect(published).toMatchObject({ method: 'squeezellm', outliers: 'paper' })
    expect(published).not.toHaveProperty('refine')
    // Codebooks of several rows cannot be refined.
    expect(await recipeOf('shared', '--share', '4')).not.toHaveProperty('refine')
    expect(await recipeOf('plain', '--refine', '0')).toMatchObject({ outliers: 'loss-aware' })
  })

  it('quantize and refine, on the text of the calibration', async () => {
    const args = ['quantize', checkpoint, '--calibration', calibration, '--bits', '2', '--refine', '6']
    const made = done(await json([...args, '--out', join(folder, 'refined')]), 'quantize')
    expect(made.recipe.refine).toBe(6)
    expect(made.refinement.after).toBeLessThanOrEqual(made.refinement.before)
    const inspected = done(await json(['inspect', join(folder, 'refined')]), 'inspect')
    expect(inspected.recipe).toEqual(made.recipe)

    const { stdout, status } = await human(args)
    expect(status).toBe(0)
    expect(stdout).toMatch(/refined in 6 steps/)
    expect(stdout).toMatch(/Refined +6 steps on 5 samples/)
    expect(stdout).toMatch(/results\/squeezellm-2bit-exact-refine6/)
  })

  it('quantize without a text, by rounding to nearest', async () => {
    const { stdout, status } = await human(['quantize', 'tiny', '--method', 'rtn', '--bits', '4', '--out', 'rtn'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/Recipe +rtn, 4 bits, nothing kept apart/)
    const unweighted = done(
      await json(['quantize', checkpoint, '--unweighted', '--bits', '2', '--out', join(folder, 'u')]),
      'quantize',
    )
    expect(unweighted.recipe.weighting).toBe('none')
    expect(unweighted.calibration).toBeUndefined()
  })

  it('quantize calibrates first, and takes the calibration over the next time', async () => {
    const args = ['quantize', checkpoint, '--text', sampleText, ...small]
    const first = done(await json([...args, '--bits', '4']), 'quantize')
    expect(first.out).toBe(join(home, 'projects', 'tiny', 'results', 'squeezellm-4bit-exact-refine20'))
    // Calibrated by the test above, with these very inputs.
    expect(first.calibration).toBe(calibration)
    const other = done(
      await json([...args.slice(0, 3), sampleText, '--samples', '5', '--length', '64', '--bits', '4']),
      'quantize',
    )
    expect(other.calibration).toMatch(/sample-5x64-/)
    expect(other.out).toMatch(/squeezellm-4bit-exact-refine20-2$/)
  })

  it('evaluate', async () => {
    const args = ['--text', sampleText, '--limit-windows', '3']
    const base = done(await json(['evaluate', checkpoint, ...args]), 'evaluate')
    expect(base).toMatchObject({
      windows: 3,
      tokens: 3 * 255,
      diverged: false,
      stamp: { windowLength: 256, windows: 3, bos: 'none', precision: 'fp32' },
    })
    expect(base.perplexity).toBeCloseTo(Math.exp(base.meanNll), 6)
    const squeezed = done(
      await json(['evaluate', result, ...args, '--against', checkpoint, '--bos', 'none']),
      'evaluate',
    )
    expect(squeezed.divergence.klMean).toBeGreaterThan(0)
    expect(squeezed.divergence.againstPerplexity).toBeCloseTo(base.perplexity, 6)
    expect(squeezed.stamp.key).toBe(base.stamp.key)
    const itself = done(await json(['evaluate', checkpoint, ...args, '--against', checkpoint]), 'evaluate')
    expect(itself.divergence.klMean).toBeCloseTo(0, 9)
    expect(itself.divergence.top1Agreement).toBe(1)
    const window = done(await json(['evaluate', checkpoint, ...args, '--bos', 'window', '--window', '100']), 'evaluate')
    expect(window.stamp).toMatchObject({ windowLength: 100, bos: 'window', tokens: 3 * 99 })
    expect(window.stamp.key).not.toBe(base.stamp.key)
    const { stdout } = await human(['evaluate', 'result', ...args, '--against', 'tiny'])
    expect(stdout).toMatch(/perplexity \d+/)
    expect(stdout).toMatch(/Method +3 windows of 256 tokens, 765 predicted/)
  })

  it('evaluate in bf16 stands apart from fp32', async ({ skip }) => {
    const { sidecar } = (await json(['doctor'])).last
    skip(!sidecar.isa.includes('avx512bf16'), 'no AVX512_BF16')
    const args = ['--text', sampleText, '--limit-windows', '3', '--bos', 'none']
    const exact = done(await json(['evaluate', checkpoint, ...args]), 'evaluate')
    const rounded = done(
      await json(['evaluate', result, ...args, '--against', checkpoint, '--precision', 'bf16']),
      'evaluate',
    )
    expect(rounded.stamp).toMatchObject({ precision: 'bf16', key: `${exact.stamp.key}-bf16` })
    // The checkpoint was measured in fp32 before; what was measured beside the result is a row of its own.
    const { evaluations } = (await json(['projects', 'show', 'tiny'])).last
    const ofCheckpoint = evaluations.filter((e: { resultId?: number }) => e.resultId === undefined)
    const keys = ofCheckpoint.map((e: { stamp: { key: string } }) => e.stamp.key)
    expect(keys).toContain(exact.stamp.key)
    expect(keys).toContain(rounded.stamp.key)
    const { stdout } = await human(['evaluate', 'tiny', ...args, '--precision', 'bf16'])
    expect(stdout).toMatch(/Method .*, bf16 products\n/)
  })

  it('chat', async () => {
    const args = ['chat', result, '--max-tokens', '12', '--seed', '7']
    const one = await json([...args, '--prompt', 'Hello'])
    expect(one.status).toBe(0)
    expect(one.last).toMatchObject({ kind: 'chat', seed: 7 })
    expect(one.last.generatedTokens).toBeLessThanOrEqual(12)
    const pieces = one.lines.filter((line) => line.kind === 'text').map((line) => line.text as string)
    expect(pieces.join('')).toBe(one.last.text)
    expect((await json([...args, '--prompt', 'Hello'])).last.text).toBe(one.last.text)
    expect((await human([...args, '--prompt', 'Hello'])).stdout).toBe(`${one.last.text}\n`)
    const two = await json([...args, '--temperature', '0'], { input: 'Hello\nAnd then?\n' })
    expect(two.lines.filter((line) => line.kind === 'chat')).toHaveLength(2)
    const raw = await json([...args, '--raw', '--prompt', 'Once upon a time', '--temperature', '0'])
    expect(raw.last.kind).toBe('chat')
    const stop = (raw.last.text as string).slice(2, 4)
    const stopped = await json([...args, '--raw', '--prompt', 'Once upon a time', '--temperature', '0', '--stop', stop])
    expect(stopped.last.stopReason).toBe('stop-string')
    expect(stopped.last.text).toBe((raw.last.text as string).slice(0, (raw.last.text as string).indexOf(stop)))
  })

  it('export', async () => {
    const dense = join(folder, 'dense')
    const made = done(await json(['export', result, '--format', 'hf-bf16', '--out', dense]), 'export')
    expect(made).toMatchObject({ out: dense, format: 'hf-bf16' })
    expect(done(await json(['inspect', dense]), 'inspect')).toMatchObject({ content: 'dense', dtype: 'BF16' })
    const public_ = done(
      await json(['export', result, '--format', 'squeezellm', '--out', join(folder, 'public')]),
      'export',
    )
    expect(public_.sizeBytes).toBeGreaterThan(0)
    expect((await human(['export', 'result', '--format', 'hf-fp16', '--out', 'fp16'])).stdout).toMatch(
      /Format +hf-fp16/,
    )
  })

  it('run, and again', async () => {
    // Short texts: the main job itself asks for more than a test has the time for.
    const whole = readFileSync(sampleText, 'utf8')
    writeFileSync(join(folder, 'text.txt'), whole.slice(0, 8000))
    writeFileSync(join(folder, 'heldout.txt'), whole.slice(-4000))
    const args = ['run', checkpoint, '--text', 'text.txt', '--evaluate-on', 'heldout.txt']
    const first = done(await json(args, { cwd: folder }), 'run')
    expect(first).toMatchObject({
      reused: { calibration: false, result: false, evaluation: false },
      recipe: { bits: 3, sparsity: 0.0045 },
    })
    expect(first.after.perplexity).toBeGreaterThan(0)
    expect(first.sizeBytes).toBeLessThan(first.checkpointSizeBytes)
    const again = done(await json(args, { cwd: folder }), 'run')
    expect(again).toEqual({ ...first, reused: { calibration: true, result: true, evaluation: true } })
    const { stdout } = await human(args)
    expect(stdout).toMatch(/Before +After +Change/)
    expect(stdout).toMatch(/Taken over +calibration, result, evaluation/)
  })

  it('projects', async () => {
    const { projects } = done(await json(['projects', 'list']), 'projects')
    const tiny = projects.find((project: { slug: string }) => project.slug === 'tiny')
    expect(tiny).toMatchObject({ path: checkpoint, found: true })
    const shown = done(await json(['projects', 'show', 'tiny']), 'project')
    expect(shown.results.length).toBe(tiny.results)
    expect(shown.evaluations.length).toBeGreaterThan(3)
    expect((await human(['projects', 'show', 'tiny'])).stdout).toMatch(/squeezellm, 3 bits, 0.45% kept exactly/)
    expect((await json(['projects', 'show', 'nobody'])).status).toBe(3)
    expect(done(await json(['projects', 'remove', 'tiny', '--files']), 'project-removed')).toMatchObject({
      slug: 'tiny',
    })
    expect(existsSync(join(home, 'projects', 'tiny'))).toBe(false)
    expect(existsSync(join(checkpoint, 'model.safetensors'))).toBe(true)
    expect(existsSync(result)).toBe(true)
  })

  it('doctor', async () => {
    const found = done(await json(['doctor']), 'doctor')
    expect(found.ok).toBe(true)
    const [cpu, gpu] = found.sidecar.devices
    expect(cpu.id).toBe('cpu')
    const { stdout } = await human(['doctor'])
    expect(stdout).toMatch(/Everything works/)
    expect(stdout).toContain(gpu.available ? gpu.name : gpu.reason)
  })

  it('--no-project leaves no trace', async () => {
    const nowhere = join(folder, 'nowhere')
    const bare = (args: string[]) => squeeze([...args, '--json', '--home', nowhere, '--no-project'])
    const out = join(folder, 'bare')
    const made = done(await bare(['quantize', checkpoint, '--text', sampleText, ...small, '--out', out]), 'quantize')
    expect(made.project).toBeUndefined()
    expect(made.calibration).toBe(`${out}.calibration`)
    done(await bare(['evaluate', out, '--text', sampleText, '--limit-windows', '1']), 'evaluate')
    expect(existsSync(nowhere)).toBe(false)
    expect((await bare(['calibrate', checkpoint, '--sample'])).last.hint).toMatch(/--out/)
  })

  it('the same seed squeezes to the same bytes', async () => {
    const outs = ['one', 'two'].map((name) => join(folder, name))
    for (const out of outs)
      done(await json(['quantize', checkpoint, '--calibration', calibration, '--out', out]), 'quantize')
    const [one, two] = outs.map((out) => readFileSync(join(out, 'model.safetensors')))
    expect(one?.equals(two ?? Buffer.alloc(0))).toBe(true)
  })
})
