#!/usr/bin/env node
// The same set-up as `npm start`, then everything that must hold before a change is taken: `npm test`, `npm run check`
// and CI are this. The last line is the sum of all tests and checks.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { add, countDoctest, countPlaywright, countVitest, none, summaryLine } from './lib/count.mjs'
import { cppFiles, nativeTests, pinnedNode, root } from './lib/places.mjs'
import { ask, forwardSignals, logsFolder, runLogged, StepFailed, tail } from './lib/run.mjs'
import { buildNative, buildStudio, findTools, installPackages, seconds, setUpAlone, timedStep } from './lib/set-up.mjs'

const one = { passed: { ...none, passed: 1 }, failed: { ...none, failed: 1 }, skipped: { ...none, skipped: 1 } }
const inModules = (...path) => join(root, 'node_modules', ...path)
const tsc = inModules('typescript', 'bin', 'tsc')

/** A step gives its counts, and in `why` what a person should read. `needs` are steps without which it cannot run. */
const STEPS = [
  { name: 'contract', run: () => check('contract', 'scripts/gen-contract.ts', '--check') },
  { name: 'layers', run: () => check('layers', 'scripts/check-layers.mjs') },
  { name: 'types', run: types },
  { name: 'lint', run: () => check('lint', inModules('eslint', 'bin', 'eslint.js'), '--max-warnings=0', '.') },
  { name: 'format', run: () => check('format', inModules('prettier', 'bin', 'prettier.cjs'), '--check', '.') },
  { name: 'format of C++', run: clangFormat },
  { name: 'native build', run: () => build(() => buildNative(quietly, { tests: true })) },
  { name: 'studio build', run: () => build(() => buildStudio(quietly)) },
  { name: 'native tests', needs: ['native build'], run: doctest },
  { name: 'unit tests', run: () => vitest('unit') },
  { name: 'contract tests', needs: ['native build'], run: () => vitest('contract') },
  { name: 'command line tests', needs: ['native build', 'studio build'], run: () => vitest('cli') },
  { name: 'page tests', needs: ['native build', 'studio build'], run: playwright },
]

/** Runs a script or tool on the studio's Node; its exit status is the verdict. */
async function check(log, script, ...args) {
  const result = await runLogged(`check-${log.replaceAll(/\W+/g, '-')}`, pinnedNode(), [script, ...args])
  return result.code === 0
    ? one.passed
    : { ...one.failed, why: `${tail(result.output, 60)}\nAll of it: ${result.path}` }
}

async function types() {
  const projects = ['tsconfig.json', 'src/renderer/tsconfig.json', 'test/e2e/tsconfig.json']
  const verdicts = []
  for (const project of projects) verdicts.push(await check(`types ${project}`, tsc, '-p', project))
  const why = verdicts.map((verdict) => verdict.why).filter(Boolean)
  return why.length === 0 ? one.passed : { ...one.failed, why: why.join('\n') }
}

async function clangFormat() {
  if (!ask('clang-format')) return { ...one.skipped, why: 'SKIPPED: there is no clang-format' }
  const result = await runLogged('check-format-cpp', 'clang-format', ['--dry-run', '-Werror', ...cppFiles()])
  return result.code === 0
    ? one.passed
    : { ...one.failed, why: `${tail(result.output, 60)}\nAll of it: ${result.path}` }
}

/** What is built is built by the set-up's own code, so that a test never runs on something stale. */
async function build(work) {
  try {
    await setUpAlone(work)
    return one.passed
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error
    return { ...one.failed, why: error.message }
  }
}

const quietly = (_, work) => work()

async function doctest() {
  const result = await runLogged('native-tests', nativeTests, ['--no-colors'], { show: true })
  return judge(result, countDoctest(result.output))
}

async function vitest(project) {
  const report = join(logsFolder, `vitest-${project}.json`)
  rmSync(report, { force: true })
  const tool = inModules('vitest', 'vitest.mjs')
  const saySkipped = join(root, 'scripts', 'lib', 'say-skipped.mjs')
  const reporters = ['default', 'json', saySkipped].map((name) => `--reporter=${name}`)
  const args = [tool, 'run', `--project=${project}`, ...reporters, `--outputFile.json=${report}`]
  return judge(await runLogged(`vitest-${project}`, pinnedNode(), args, { show: true }), countVitest(report))
}

async function playwright() {
  const browser = `import { chromiumPath } from './test/e2e/support/chromium.ts'; process.exit(chromiumPath ? 0 : 3)`
  const found = await runLogged('find-chromium', pinnedNode(), ['--input-type=module', '-e', browser])
  if (found.code === 3) return { ...one.skipped, why: 'SKIPPED: there is no Chromium; SQUEEZE_CHROMIUM can name one' }
  const report = join(logsFolder, 'playwright.json')
  rmSync(report, { force: true })
  const args = [inModules('@playwright', 'test', 'cli.js'), 'test', '-c', 'test/e2e', '--reporter=list,json']
  const env = { PLAYWRIGHT_JSON_OUTPUT_FILE: report, PLAYWRIGHT_JSON_OUTPUT_NAME: report }
  return judge(await runLogged('playwright', pinnedNode(), args, { show: true, env }), countPlaywright(report))
}

/** Counts as the runner gave them; one that failed without a failed test counts as one failure. */
function judge(result, counts) {
  const why = `exit ${result.code}. All of it: ${result.path}`
  if (!counts) return { ...one.failed, why: `It gave no report, ${why}` }
  if (result.code !== 0 && counts.failed === 0) return { ...add(counts, one.failed), why }
  return counts.failed > 0 ? { ...counts, why } : counts
}

async function runSteps() {
  const done = []
  for (const step of STEPS) {
    const broken = (step.needs ?? []).find((need) =>
      done.some((other) => other.name === need && other.counts.failed > 0),
    )
    console.log(`\n── ${step.name}`)
    const start = performance.now()
    const { why, ...counts } = broken ? { ...one.failed, why: `not run: ${broken} failed` } : await step.run()
    const time = seconds(performance.now() - start)
    console.log(`${summaryLine(counts)} (${time})${why ? `\n${why}` : ''}`)
    done.push({ name: step.name, counts, time, why })
  }
  return done
}

function summarise(done) {
  console.log('\n── Summary')
  const width = Math.max(...done.map((step) => step.name.length))
  for (const { name, counts, time } of done) {
    const mark = counts.failed > 0 ? '✗' : counts.passed === 0 ? '–' : '✓'
    console.log(`${mark} ${name.padEnd(width)}  ${time.padStart(7)}  ${summaryLine(counts)}`)
  }
  for (const { name, why } of done.filter((step) => step.counts.failed > 0))
    console.log(`  ${name}: ${why.split('\n').at(-1)}`)
  return done.map((step) => step.counts).reduce(add, none)
}

async function main() {
  const setUp = await build(async () => {
    await findTools({ tests: true })
    await installPackages(timedStep)
  })
  if (setUp.failed > 0) {
    console.error(setUp.why)
    return setUp
  }
  return summarise(await runSteps())
}

forwardSignals()
main().then(
  (total) => {
    console.log(`\n${summaryLine(total)}`)
    process.exitCode = total.failed > 0 ? 1 : 0
  },
  (error) => {
    console.error(error)
    console.log(`\n${summaryLine(one.failed)}`)
    process.exitCode = 1
  },
)
