import type { Command } from 'commander'
import type { CheckpointInspectResult } from '../../../shared/contract/sidecar/checkpoint.ts'
import type { Inspection } from '../../studio/index.ts'
import { facts, quiet, strong, table } from '../layout.ts'
import { addCommonOptions, type CommonOptions } from '../options.ts'
import { recipeText } from '../recipe-text.ts'
import { runCommand } from '../session.ts'
import { bitsPerWeight, bytes, count, shownPath } from '../units.ts'

export function registerInspect(program: Command): void {
  const command = program
    .command('inspect')
    .description('show what a checkpoint or a result is made of, and what would be refused')
    .argument('<path>', 'folder of a checkpoint or of a result, or a .safetensors file in it')
  addCommonOptions(command).action((path: string, options: CommonOptions) =>
    runCommand(options, async ({ studio, output, run }) => {
      const found = await studio.inspect(path, run)
      const { checkpoint, ...rest } = found
      output.answer({ ...checkpoint, ...rest, content: checkpoint.kind, kind: 'inspect' }, () => inspectionText(found))
    }),
  )
}

function inspectionText({ checkpoint: c, tokenizer, tokenizerProblem, project }: Inspection): string {
  const tied = c.tiedEmbeddings ? 'tied to the head' : 'head of its own'
  const window = c.slidingWindow === undefined ? '' : `, sliding window ${c.slidingWindow}`
  const template = tokenizer?.chatTemplate ? 'chat template' : 'no chat template'
  const warnings = [
    ...c.warnings.map((warning) => warning.message),
    ...(tokenizerProblem ? [tokenizerProblem.message] : []),
  ]
  return [
    `${strong(shownPath(c.path))}  ${c.kind === 'dense' ? 'checkpoint' : 'result'}`,
    '',
    facts([
      ['Architecture', `${c.architecture} (${c.family}), ${c.layers} layers`],
      ['Parameters', `${count(c.parameters)}, mostly ${c.dtype}`],
      ['Width', `hidden ${c.hiddenSize}, MLP ${c.intermediateSize}`],
      ['Attention', `${c.heads} heads, ${c.kvHeads} for keys and values, head size ${c.headDim}${window}`],
      ['Context', `${c.contextLength} tokens`],
      ['Vocabulary', `${c.vocabularySize} rows, ${tied}`],
      ['Tokenizer', tokenizer ? `${tokenizer.source}, ${tokenizer.vocabularySize} tokens, ${template}` : 'none'],
      ['Recipe', c.recipe ? recipeText(c.recipe) : undefined],
      ['Fingerprint', c.fingerprint],
      ['Project', project],
    ]),
    '',
    matrixTable(c),
    ...(warnings.length > 0 ? ['', ...warnings.map((warning) => `  ${strong('!')} ${warning}`)] : []),
  ].join('\n')
}

/** One line for each place in a layer that has the same shape throughout, and the rest of the file below. */
function matrixTable(c: CheckpointInspectResult): string {
  type Line = { role: string; shape: string; storedAs: string; matrices: number; weights: number; sizeBytes: number }
  const lines = new Map<string, Line>()
  for (const { role, rows, cols, storedAs, sizeBytes } of c.matrices) {
    const shape = `${rows} × ${cols}`
    const key = `${role} ${shape} ${storedAs}`
    const line = lines.get(key) ?? { role, shape, storedAs, matrices: 0, weights: 0, sizeBytes: 0 }
    lines.set(key, {
      ...line,
      matrices: line.matrices + 1,
      weights: line.weights + rows * cols,
      sizeBytes: line.sizeBytes + sizeBytes,
    })
  }
  const weights = c.matrices.reduce((sum, { rows, cols }) => sum + rows * cols, 0)
  const inMatrices = c.matrices.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0)
  return table(
    [
      ['Matrix', 'Shape', 'Count', 'Weights', 'Size', 'Stored as'],
      ...[...lines.values()].map((line) => [
        line.role,
        line.shape,
        String(line.matrices),
        count(line.weights),
        bytes(line.sizeBytes),
        line.storedAs,
      ]),
      [
        'all matrices',
        '',
        String(c.matrices.length),
        count(weights),
        bytes(inMatrices),
        bitsPerWeight(c.bitsPerWeight),
      ],
      ['embedding, head', '', '', '', bytes(c.embeddingBytes), ''],
      ['norms, biases', '', '', '', bytes(c.otherBytes), ''],
      [quiet('files'), '', '', '', bytes(c.sizeBytes), ''],
    ],
    ['left', 'left', 'right', 'right', 'right', 'left'],
  )
}
