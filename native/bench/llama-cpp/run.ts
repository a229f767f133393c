/**
 * Side by side with llama.cpp on the CPU: the same shape, on the same machine, in the same run.
 *
 *   npm start -- --no-open                                     builds the studio, once
 *   node native/bench/llama-cpp/run.ts [--rounds 5] [--threads 1,2] [--only TEXT] [--peer-only] [--out FILE]
 *
 * Run it with Node 24 (node_modules/.bin/node) on Debian, with 12 GB of free disk, on a machine that does nothing else:
 * another program on one of two cores can make two threads slower than one. It takes some minutes a round, and ends with
 * a table of every comparison in goals.ts; --only keeps those whose label contains TEXT, --peer-only measures llama.cpp
 * alone. All rounds go into FILE (build/peer/result.json) as JSON, after each of them.
 *
 * Everything is kept in build/peer; delete it to start from nothing:
 *   root, apt   llama.cpp, unpacked from Debian's packages (install.ts); nothing is installed on the machine
 *   models/…    for both sides, of random weights (speed does not depend on their values), with the head at 4 bits in
 *               every quantized model and F16 in the dense ones. llama.cpp's own llama-quantize makes its files, so its
 *               K types have its own mixtures: Q4_K_M, say, keeps half of attn_v and ffn_down at Q6_K.
 *
 * A round measures every contestant once, comparison by comparison: ours, then its opponents, each in a process of its
 * own that warms up first. Generation is 128 tokens behind 16 in the cache; a prompt has 512. llama.cpp keeps keys and
 * values in F16, has flash attention on, and reads its weights into memory of its own (peer.ts says why). Ratios are of
 * speeds in the same round; the table gives their median. "AVX2" is ours with --simd avx2, and llama.cpp with nothing
 * but its backend for Haswell.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { nameOf, type Contestant, type Speed, type Task } from './contestants.ts'
import { COMPARISONS, type Comparison } from './goals.ts'
import { installLlamaCpp } from './install.ts'
import { makeOurs } from './ours.ts'
import { makePeer } from './peer.ts'
import { SHAPE, shapeName } from './shape.ts'
import { speedKey, verdictsOf, verdictTable, type Round } from './verdicts.ts'

const folder = resolve(import.meta.dirname, '../../../build/peer')

interface Options {
  rounds: number
  threadCounts: number[]
  comparisons: Comparison[]
  peerOnly: boolean
  out: string
}

function readOptions(): Options {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '5' },
      threads: { type: 'string', default: '1,2' },
      only: { type: 'string', default: '' },
      'peer-only': { type: 'boolean', default: false },
      out: { type: 'string', default: join(folder, 'result.json') },
    },
  })
  const comparisons = COMPARISONS.filter(({ label }) => label.includes(values.only))
  if (comparisons.length === 0) throw new Error(`No comparison has "${values.only}" in its label.`)
  return {
    rounds: countOf('--rounds', values.rounds),
    threadCounts: values.threads.split(',').map((text) => countOf('--threads', text)),
    comparisons,
    peerOnly: values['peer-only'],
    out: values.out,
  }
}

function countOf(option: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`${option} takes whole numbers from 1 on, not "${text}".`)
  return Number(text)
}

/** What one round measures, in order; what several comparisons share is measured once. */
function turnsOf({ comparisons, peerOnly }: Options): { contestant: Contestant; task: Task }[] {
  const turns = comparisons.flatMap((comparison) =>
    [comparison.ours, ...(comparison.kind === 'ratio' ? comparison.against : [])]
      .filter((contestant) => !peerOnly || contestant.engine === 'llama.cpp')
      .map((contestant) => ({ contestant, task: comparison.task })),
  )
  return [...new Map(turns.map((turn) => [speedKey(turn.contestant, turn.task), turn])).values()]
}

const say = (text: string) => process.stderr.write(`${text}\n`)

function main(options: Options): void {
  mkdirSync(folder, { recursive: true })
  const llamaCpp = installLlamaCpp(folder)
  const models = join(folder, 'models', shapeName(SHAPE))
  const peer = makePeer(llamaCpp, SHAPE, join(models, 'llama.cpp'))
  const ours = makeOurs(SHAPE, join(models, 'squeeze'))
  const turns = turnsOf(options)
  for (const { contestant } of turns) {
    say(`Preparing ${nameOf(contestant)}`)
    if (contestant.engine === 'llama.cpp') peer.prepare(contestant.model)
    else ours.prepare(contestant.model)
  }
  const measure = ({ engine, model, simd }: Contestant, task: Task, threads: number): Speed =>
    engine === 'llama.cpp' ? peer.measure(model, task, threads, simd) : ours.measure(model, task, threads, simd)

  const machine = { cpu: cpus()[0]?.model, cores: cpus().length, loadBefore: loadavg()[0] }
  const rounds: Round[] = []
  for (let number = 1; number <= options.rounds; number++) {
    for (const threads of options.threadCounts) {
      const speeds: Round['speeds'] = {}
      for (const { contestant, task } of turns) {
        const key = speedKey(contestant, task)
        const speed = measure(contestant, task, threads)
        speeds[key] = speed
        say(
          `Round ${number} of ${options.rounds}, threads ${threads}: ${key}: ${speed.tokensPerSecond.toFixed(1)} tok/s`,
        )
      }
      rounds.push({ threads, speeds })
    }
    const verdicts = verdictsOf(options.comparisons, rounds)
    const about = { date: new Date().toISOString(), machine, shape: SHAPE, llamaCpp: llamaCpp.versions }
    const report = { ...about, backends: [...peer.backends], verdicts, rounds }
    writeFileSync(options.out, `${JSON.stringify(report, undefined, 2)}\n`)
  }

  console.log(verdictTable(verdictsOf(options.comparisons, rounds)))
  console.log(
    [
      '',
      `${machine.cpu}, ${machine.cores} cores, load ${machine.loadBefore?.toFixed(1)} before; ${new Date().toISOString()}`,
      `llama.cpp ${llamaCpp.versions['llama.cpp-tools']}, backends ${[...peer.backends].join(', ')}`,
      `${options.rounds} rounds, medians. The head has 4 bits on both sides, in the F16 models 16.`,
    ].join('\n'),
  )
}

main(readOptions())
