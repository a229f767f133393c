import type { Command } from 'commander'
import type { ResultSummary } from '../../../shared/contract/studio/index.ts'
import type { NamedProject } from '../../studio/index.ts'
import { facts, quiet, strong, table } from '../layout.ts'
import { addCommonOptions, type CommonOptions } from '../options.ts'
import { recipeText } from '../recipe-text.ts'
import { runCommand } from '../session.ts'
import { bitsPerWeight, bytes, count, digits, perplexity, shownPath } from '../units.ts'

export function registerProjects(program: Command): void {
  const projects = program.command('projects').description('what was learnt so far, checkpoint by checkpoint')

  addCommonOptions(
    projects.command('list', { isDefault: true }).description('all projects, newest change first'),
  ).action((options: CommonOptions) =>
    runCommand(options, ({ studio, output }) => {
      const list = studio.projects.list()
      output.answer({ kind: 'projects', projects: list }, () =>
        list.length === 0
          ? 'There are no projects yet. "squeeze inspect CHECKPOINT" begins one.'
          : table(
              [
                ['Project', 'Family', 'Parameters', 'Size', 'Results', 'Smallest', 'Checkpoint'],
                ...list.map((p) => [
                  strong(p.slug),
                  p.family,
                  count(p.parameters),
                  bytes(p.sizeBytes),
                  String(p.results),
                  p.smallest ? `${bytes(p.smallest.sizeBytes)}, ${bitsPerWeight(p.smallest.bitsPerWeight)}` : '',
                  shownPath(p.path) + (p.found ? '' : ' (gone)'),
                ]),
              ],
              ['left', 'left', 'right', 'right', 'right', 'left', 'left'],
            ),
      )
    }),
  )

  addCommonOptions(
    projects
      .command('show')
      .description('calibrations, results and measurements of one')
      .argument('<project>', 'name in the list'),
  ).action((name: string, options: CommonOptions) =>
    runCommand(options, ({ studio, output }) => {
      const project = studio.projects.named(name)
      output.answer({ ...project, kind: 'project' }, () => projectText(project))
    }),
  )

  addCommonOptions(
    projects
      .command('remove')
      .description('forget a project; checkpoint, calibrations and results stay on disk')
      .argument('<project>', 'name in the list')
      .option('--files', "also delete its calibrations and results in the studio's folder"),
  ).action((name: string, options: CommonOptions & { files?: boolean }) =>
    runCommand(options, ({ studio, output }) => {
      const { id, slug } = studio.projects.named(name)
      const files = options.files ?? false
      studio.projects.remove(id, { files })
      output.answer(
        { kind: 'project-removed', id, slug, files },
        () => `Forgot ${slug}${files ? ' and deleted its files' : ''}.`,
      )
    }),
  )
}

function projectText(project: NamedProject): string {
  const { checkpoint: c, calibrations, results, evaluations, benchmarks } = project
  const gone = (found: boolean) => (found ? '' : ' (gone)')
  const sections = [
    `${strong(project.slug)}  ${c.family}, ${count(c.parameters)} parameters, ${bytes(c.sizeBytes)}`,
    facts([
      ['Checkpoint', shownPath(c.path) + gone(c.found)],
      ['Fingerprint', c.fingerprint],
      ['Tokenizer', c.tokenizer],
    ]),
  ]
  if (calibrations.length > 0) {
    const rows = calibrations.map((k) => [
      `${k.samples} × ${k.length}`,
      k.estimator,
      k.precision,
      k.textName ?? '',
      k.loss.toFixed(4),
      shownPath(k.path) + gone(k.found),
    ])
    sections.push(
      table(
        [['Calibration', 'Estimator', 'Products', 'Text', 'Loss', 'Folder'], ...rows],
        ['left', 'left', 'left', 'left', 'right'],
      ),
    )
  }
  if (results.length > 0) {
    const rows = results.map((r) => [
      recipeText(r.recipe),
      digits(r.bitsPerWeight),
      bytes(r.sizeBytes),
      shownPath(r.path) + gone(r.found),
    ])
    sections.push(table([['Result', 'bits/weight', 'Size', 'Folder'], ...rows], ['left', 'right', 'right', 'left']))
  }
  if (evaluations.length > 0) {
    const rows = evaluations.map((e) => [
      subject(results, e.resultId),
      perplexity(e.perplexity),
      e.klMean === undefined ? '' : e.klMean.toPrecision(3),
      `${e.stamp.textName}, ${e.stamp.windows} × ${e.stamp.windowLength}, BOS ${e.stamp.bos}, ${e.stamp.precision}`,
      quiet(time(e.createdAtMs)),
    ])
    sections.push(
      table([['Measured', 'Perplexity', 'KL', 'On', 'When (UTC)'], ...rows], ['left', 'right', 'right', 'left']),
    )
  }
  if (benchmarks.length > 0) {
    const rows = benchmarks.map(({ speed, readBandwidth, ...b }) => [
      subject(results, b.resultId ?? undefined),
      `${digits(speed.promptTokensPerSecond.median)} tok/s`,
      speed.generation.map((at) => `${digits(at.tokensPerSecond.median)} tok/s at ${at.context}`).join(', '),
      readBandwidth.oneThread ? `${b.processor}, ${readBandwidth.threads} threads` : b.processor,
      quiet(time(b.createdAt)),
    ])
    sections.push(
      table([['Speed', 'Prompt', 'Generation', 'On', 'When (UTC)'], ...rows], ['left', 'right', 'left', 'left']),
    )
  }
  return sections.join('\n\n')
}

function time(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ')
}

function subject(results: ResultSummary[], id: number | undefined): string {
  const result = results.find((entry) => entry.id === id)
  return result ? recipeText(result.recipe) : 'checkpoint'
}
