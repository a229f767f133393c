import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { makeTinyCheckpoint } from '../fixtures/make-tiny-checkpoint.ts'
import { describeBuilt, jsonIn, scratchFolder } from './squeeze.ts'

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>

/** Every bad input has its code and exit status 3, names what is wrong, and leaves nothing behind. */
describeBuilt('bad input', () => {
  const folder = scratchFolder()
  const good = join(folder, 'good')
  const out = join(folder, 'out')
  const json = jsonIn(join(folder, 'home'))
  const calibration = join(folder, 'calibration')
  beforeAll(async () => {
    makeTinyCheckpoint(good)
    const made = await json(['calibrate', good, '--sample', '--samples', '2', '--length', '64', '--out', calibration])
    expect(made.status).toBe(0)
  })

  /** A copy of the good checkpoint with something done to it. */
  function spoilt(spoil: (folder: string) => void): string {
    const path = join(folder, 'spoilt')
    rmSync(path, { recursive: true, force: true })
    cpSync(good, path, { recursive: true })
    spoil(path)
    return path
  }

  function editHeader(file: string, edit: (header: Header) => void): void {
    const bytes = readFileSync(file)
    const size = Number(bytes.readBigUInt64LE(0))
    const header = JSON.parse(bytes.subarray(8, 8 + size).toString()) as Header
    edit(header)
    const text = Buffer.from(JSON.stringify(header))
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(text.length))
    writeFileSync(file, Buffer.concat([length, text, bytes.subarray(8 + size)]))
  }
  const weights = (path: string) => join(path, 'model.safetensors')
  const one = 'model.layers.1.mlp.up_proj.weight'
  const editConfig = (path: string, edit: object) => {
    const file = join(path, 'config.json')
    writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), ...edit }))
  }

  const CHECKPOINTS: [name: string, code: string, words: RegExp, spoil: (path: string) => void][] = [
    [
      'a truncated file',
      'tensor-malformed',
      /model\.safetensors/,
      (p) => writeFileSync(weights(p), readFileSync(weights(p)).subarray(0, -1000)),
    ],
    [
      'a header length that lies',
      'file-malformed',
      /model\.safetensors/,
      (p) => {
        const bytes = readFileSync(weights(p))
        bytes.writeBigUInt64LE(1n << 60n, 0)
        writeFileSync(weights(p), bytes)
      },
    ],
    [
      'tensors that overlap',
      'tensor-malformed',
      /model\./,
      (p) =>
        editHeader(weights(p), (header) => {
          const [begin, end] = header[one]?.data_offsets ?? [0, 0]
          if (header[one]) header[one].data_offsets = [begin - 64, end - 64]
        }),
    ],
    [
      'offsets outside the file',
      'tensor-malformed',
      /model\./,
      (p) =>
        editHeader(weights(p), (header) => {
          const [begin, end] = header[one]?.data_offsets ?? [0, 0]
          if (header[one]) header[one].data_offsets = [begin + 1e12, end + 1e12]
        }),
    ],
    [
      'a missing tensor',
      'tensor-missing',
      /model\.layers\.1\.mlp\.up_proj\.weight/,
      (p) =>
        editHeader(weights(p), (header) => {
          const tensor = header[one]
          if (tensor) header['model.layers.1.mlp.other.weight'] = tensor
          delete header[one]
        }),
    ],
    [
      'a missing shard',
      'file-not-found',
      /model-00002-of-00002\.safetensors/,
      (p) => {
        renameSync(weights(p), join(p, 'model-00001-of-00002.safetensors'))
        const map = {
          [one]: 'model-00002-of-00002.safetensors',
          'model.norm.weight': 'model-00001-of-00002.safetensors',
        }
        writeFileSync(join(p, 'model.safetensors.index.json'), JSON.stringify({ metadata: {}, weight_map: map }))
      },
    ],
    [
      'an unknown architecture',
      'architecture-unsupported',
      /mamba.*llama/s,
      (p) => editConfig(p, { model_type: 'mamba' }),
    ],
    [
      'weights only as pickle',
      'file-unreadable',
      /pickle|safetensors/,
      (p) => renameSync(weights(p), join(p, 'pytorch_model.bin')),
    ],
    ['no config', 'file-not-found', /config\.json/, (p) => rmSync(join(p, 'config.json'))],
    ['a config that is no JSON', 'file-malformed', /config\.json/, (p) => writeFileSync(join(p, 'config.json'), '{')],
  ]

  it.each(CHECKPOINTS)('%s', async (_, code, words, spoil) => {
    const { last, status } = await json(['inspect', spoilt(spoil)])
    expect(last).toMatchObject({ kind: 'error', code })
    expect(`${last.message} ${last.tensor ?? ''} ${last.hint ?? ''}`).toMatch(words)
    expect(status).toBe(3)
  })

  it('a file of another kind, for what it is, whatever is missing beside it', async () => {
    const file = join(folder, 'model.gguf')
    writeFileSync(file, 'GGUF')
    const { last, status } = await json(['inspect', file])
    expect(last).toMatchObject({ kind: 'error', code: 'file-unreadable' })
    expect(`${last.message} ${last.hint}`).toMatch(/model\.gguf is a GGUF file.*safetensors/s)
    expect(status).toBe(3)
  })

  it('a folder that is not there', async () => {
    const { last, status } = await json(['inspect', join(folder, 'nothing')])
    expect(last.code).toBe('file-not-found')
    expect(status).toBe(3)
  })

  it('a tensor with NaN is refused by name, and nothing is left under the name of the output', async () => {
    const path = join(folder, 'nan')
    makeTinyCheckpoint(path, { alter: (name, values) => void (name === one && (values[17] = NaN)) })
    for (const args of [
      ['quantize', path, '--unweighted', '--out', out],
      ['calibrate', path, '--sample', '--samples', '2', '--length', '64', '--out', out],
    ]) {
      const { last, status } = await json(args)
      expect(last).toMatchObject({ code: 'value-not-finite' })
      expect(`${last.message} ${last.tensor ?? ''}`).toContain('model.layers.1.mlp.up_proj')
      expect(status).toBe(3)
      expect(existsSync(out)).toBe(false)
    }
  })

  it('no tokenizer: inspecting works and says so, text is refused', async () => {
    const path = spoilt((p) => rmSync(join(p, 'tokenizer.json')))
    const inspected = await json(['inspect', path])
    expect(inspected.status).toBe(0)
    expect(inspected.last.tokenizerProblem.code).toBe('tokenizer-missing')
    const { last, status } = await json(['evaluate', path, '--sample'])
    expect(last.code).toBe('tokenizer-missing')
    expect(status).toBe(3)
    expect((await json(['quantize', path, '--method', 'rtn', '--out', join(folder, 'bare-rtn')])).status).toBe(0)
  })

  it.each([
    ['empty', '', 'text-too-short'],
    ['white space', ' \n\n ', 'text-too-short'],
    ['shorter than a window', 'A short one.', 'text-too-short'],
  ])('a text that is %s', async (_, text, code) => {
    const path = join(folder, 'text.txt')
    writeFileSync(path, text)
    for (const args of [
      ['evaluate', good, '--text', path],
      ['calibrate', good, '--text', path, '--out', out],
      ['quantize', good, '--text', path, '--out', out],
    ]) {
      const { last, status } = await json(args)
      expect(last.code).toBe(code)
      expect(status).toBe(3)
    }
    expect(existsSync(out)).toBe(false)
  })

  it('a text that is not there, or no text', async () => {
    expect((await json(['evaluate', good, '--text', join(folder, 'nothing.txt')])).last.code).toBe('file-not-found')
    const binary = join(folder, 'binary.txt')
    writeFileSync(binary, Buffer.from([0xff, 0xfe, 0x80, 0x81]))
    expect((await json(['evaluate', good, '--text', binary])).last.code).toBe('file-malformed')
  })

  it('an output that exists is refused before anything is computed', async () => {
    mkdirSync(out)
    for (const args of [
      ['calibrate', good, '--sample'],
      ['quantize', good, '--unweighted'],
    ]) {
      const { last, lines, status } = await json([...args, '--out', out])
      expect(last.code).toBe('output-exists')
      expect(lines).toHaveLength(1)
      expect(status).toBe(3)
    }
    rmSync(out, { recursive: true })
  })

  it('what somebody else keeps under the name of unfinished work stays', async () => {
    const result = join(folder, 'kept-result')
    for (const args of [
      ['quantize', good, '--unweighted', '--bits', '4', '--out', result],
      ['calibrate', good, '--sample', '--samples', '2', '--length', '32', '--out', join(folder, 'kept-calibration')],
      ['export', result, '--format', 'hf-fp16', '--out', join(folder, 'kept-export')],
    ]) {
      const partial = `${args.at(-1)}.partial`
      mkdirSync(partial)
      writeFileSync(join(partial, 'notes.txt'), 'mine')
      expect((await json(args)).status).toBe(0)
      expect(readdirSync(partial)).toEqual(['notes.txt'])
      expect(readdirSync(args.at(-1)!)).not.toContain('notes.txt')
    }
  })

  it('an output in the folder that is read', async () => {
    const path = spoilt(() => {})
    const link = join(folder, 'link')
    symlinkSync(path, link)
    for (const args of [
      ['calibrate', path, '--sample', '--out', join(path, 'a', 'b')],
      ['quantize', path, '--unweighted', '--out', join(link, 'out')],
      ['quantize', join(path, 'model.safetensors'), '--unweighted', '--out', join(path, 'out')],
    ]) {
      const { last, status } = await json(args)
      expect(last.code).toBe('output-unwritable')
      expect(last.message).toMatch(/nothing is written into/)
      expect(status).toBe(3)
    }
    expect(readdirSync(path)).toEqual(readdirSync(good))
  })

  it('an output that two commands are to write at once: one does, the other says so, and nothing is lost', async () => {
    const args = ['quantize', good, '--calibration', calibration, '--out', join(folder, 'contested')]
    const both = await Promise.all([json(args), json(args)])
    const [done, refused] = both[0].status === 0 ? both : [both[1], both[0]]
    expect(done.status).toBe(0)
    expect(['busy', 'output-exists']).toContain(refused.last.code)
    expect((await json(['inspect', join(folder, 'contested')])).status).toBe(0)
    expect(readdirSync(folder).filter((name) => /contested./.test(name))).toEqual([])
  })

  it('a calibration that holds NaN is what the error names', async () => {
    const path = join(folder, 'broken-calibration')
    cpSync(calibration, path, { recursive: true })
    const file = join(path, 'fisher.safetensors')
    const bytes = readFileSync(file)
    bytes.writeFloatLE(NaN, bytes.length - 4)
    writeFileSync(file, bytes)
    const { last, status } = await json(['quantize', good, '--calibration', path, '--out', out])
    expect(last.code).toBe('value-not-finite')
    expect(last.message).toMatch(/calibration/)
    expect(status).toBe(3)
    rmSync(`${out}.partial`, { recursive: true, force: true })
  })

  it('a tensor with NaN that would only be copied', async () => {
    const path = join(folder, 'nan-norm')
    makeTinyCheckpoint(path, { alter: (name, values) => void (name === 'model.norm.weight' && (values[3] = NaN)) })
    const { last, status } = await json(['quantize', path, '--unweighted', '--out', out])
    expect(last).toMatchObject({ code: 'value-not-finite', tensor: 'model.norm.weight' })
    expect(status).toBe(3)
    expect(existsSync(out)).toBe(false)
  })

  it.runIf(process.platform === 'linux')('a pipe instead of weights, a device instead of a text', async () => {
    const pipe = spoilt((p) => {
      rmSync(weights(p))
      spawnSync('mkfifo', [weights(p)])
    })
    expect((await json(['inspect', pipe])).last.code).toBe('file-unreadable')
    expect((await json(['evaluate', good, '--text', '/dev/zero'])).last.code).toBe('file-unreadable')
  })

  it('an output that cannot be made', async () => {
    writeFileSync(join(folder, 'file'), '')
    const { last, status } = await json(['quantize', good, '--unweighted', '--out', join(folder, 'file', 'out')])
    expect(last.code).toBe('output-unwritable')
    expect(status).toBe(3)
  })

  it("a studio's folder that cannot be used", async () => {
    writeFileSync(join(folder, 'file'), '')
    const { last, status } = await jsonIn(join(folder, 'file', 'home'))(['inspect', good])
    expect(last.code).toBe('output-unwritable')
    expect(last.hint).toMatch(/--no-project/)
    expect(status).toBe(3)
  })

  it('a calibration made for another checkpoint', async () => {
    const other = join(folder, 'other')
    makeTinyCheckpoint(other, { seed: 2 })
    const { last, status } = await json(['quantize', other, '--calibration', calibration, '--out', out])
    expect(last.code).toBe('calibration-mismatch')
    expect(status).toBe(3)
    expect(existsSync(out)).toBe(false)
  })

  it('no calibration at all', async () => {
    const { last, status } = await json(['quantize', good, '--calibration', good, '--out', out])
    expect(last.code).toBe('file-not-found')
    expect(status).toBe(3)
  })

  it('what is squeezed is not squeezed again', async () => {
    const result = join(folder, 'result')
    expect((await json(['quantize', good, '--method', 'rtn', '--out', result])).status).toBe(0)
    const { last, status } = await json(['quantize', result, '--method', 'rtn', '--out', out])
    expect(last.code).toBe('invalid-request')
    expect(status).toBe(2)
  })

  it('a device that is not there', async () => {
    const { last, status } = await json(['evaluate', good, '--sample', '--device', 'cuda:77'])
    expect(last).toMatchObject({ code: 'device-unavailable', message: expect.stringContaining('"cuda:77"') as string })
    expect(last.message).toMatch(/built without CUDA\.|No CUDA device: |The last GPU is /)
    expect(status).toBe(3)
  })

  it('a full disk: an error with the words, and after making room the same command succeeds', async (context) => {
    const disk = join(folder, 'disk')
    mkdirSync(disk)
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=96k', 'tmpfs', disk])
    if (mounted.status !== 0) {
      console.warn(`SKIPPED: a full disk: no small disk can be made here (${String(mounted.stderr).trim()})`)
      return context.skip()
    }
    try {
      const args = ['quantize', good, '--unweighted', '--bits', '4', '--out', join(disk, 'out')]
      const { last, status } = await json(args)
      expect(last.code).toBe('disk-full')
      expect(status).toBe(3)
      expect(existsSync(join(disk, 'out'))).toBe(false)
      expect(spawnSync('mount', ['-o', 'remount,size=16m', disk]).status).toBe(0)
      expect((await json(args)).status).toBe(0)
    } finally {
      spawnSync('umount', [disk])
    }
  })
})
