/**
 * Whether a test notices, on the emulated GPU, when a wait is left out: each barrier of a block or a warp, each wait for
 * copies into shared memory, and each time that the host or a stream waits for a stream. As Markdown.
 *
 *   node native/scripts/leave-out-waits.ts [PLACE ...] [--tests build/release/squeeze-tests] [--seeds 1,2] [--jobs N]
 *
 * PLACE is the beginning of a path below native/, `ops/sample` say. A wait that nobody misses is needed only by what the
 * emulation does not do (blocks side by side), or by an error, or not at all; or its test is too weak.
 */
import { execFile } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const WAIT = /__syncthreads\(\)|__syncwarp\(\)|copy_async_wait<|\.finish\(\)|\.wait_for\(/
const TIME_LIMIT_MS = 600_000
const native = resolve(import.meta.dirname, '..')

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tests: { type: 'string', default: join(native, '../build/release/squeeze-tests') },
    seeds: { type: 'string', default: '1,2' },
    jobs: { type: 'string', default: String(availableParallelism()) },
  },
})
const seeds = values.seeds.split(',')

/** Files that a GPU's compiler reads, or that hand work to one. */
function deviceFiles(): string[] {
  const files = readdirSync(native, { recursive: true, encoding: 'utf8' }).filter((file) => /\.(cu|cuh|[ch]pp)$/.test(file))
  const isOwn = (file: string) => !/^device\/(?!kernel)|_test\.cpp$|_bench\.cpp$/.test(file)
  const isDevice = (file: string) => /\.cuh?$|_device\.cpp$/.test(file) || /__device__|WeightUploader/.test(text(file))
  return files.filter((file) => isOwn(file) && isDevice(file)).sort()
}

function text(file: string): string {
  return readFileSync(join(native, file), 'utf8')
}

function placesIn(file: string): string[] {
  return text(file)
    .split('\n')
    .flatMap((line, i) => (WAIT.test(line) ? [`${file}:${i + 1}`] : []))
}

/** Whether every test of those whose source is below `sources` passes without that wait. */
function passes(place: string, sources: string, seed: string): Promise<boolean> {
  const args = ['--test-case=device:*', `--source-file=*${sources}*`, '--abort-after=1', '--no-path-filenames']
  const env = { ...process.env, SQUEEZE_EMULATION_SEED: seed, SQUEEZE_EMULATION_WITHOUT: `native/${place}` }
  return new Promise((done) => {
    // A wait for something that never comes is noticed, too.
    execFile(values.tests, args, { env: { OMP_NUM_THREADS: '1', ...env }, timeout: TIME_LIMIT_MS }, (error) => done(!error))
  })
}

/** The tests beside it first: most often they are enough, and they are quick. */
async function isNoticed(place: string): Promise<boolean> {
  for (const sources of [`native/${dirname(place)}/`, '']) {
    for (const seed of seeds) if (!(await passes(place, sources, seed))) return true
  }
  return false
}

const places = deviceFiles()
  .flatMap(placesIn)
  .filter((place) => positionals.length === 0 || positionals.some((start) => place.startsWith(start)))
if (!(await passes('nothing', '', seeds[0]!))) throw new Error('The tests fail without leaving anything out.')

console.log('| Wait | Noticed |\n|---|---|')
let noticed = 0
const left = [...places]
await Promise.all(
  Array.from({ length: Number(values.jobs) }, async () => {
    for (let place = left.shift(); place !== undefined; place = left.shift()) {
      const seen = await isNoticed(place)
      noticed += Number(seen)
      console.log(`| ${place} | ${seen ? 'yes' : '**no**'} |`)
    }
  }),
)
console.log(`\n${noticed} of ${places.length} noticed, seeds ${values.seeds}.`)
