import { Option, type Command } from 'commander'
import type { ExportResult } from '../../../shared/contract/sidecar/export.ts'
import { facts, strong } from '../layout.ts'
import { addCommonOptions, type CommonOptions } from '../options.ts'
import { runCommand } from '../session.ts'
import { bytes, duration, shownPath } from '../units.ts'

type Options = CommonOptions & { format: ExportResult['format']; out: string }

export function registerExport(program: Command): void {
  const command = program
    .command('export')
    .description('write a result in a form that other programs read')
    .argument('<result>', 'folder of a result')
    .addOption(
      new Option('--format <format>', 'a dense checkpoint at 16 bits, or the public SqueezeLLM layout')
        .choices(['hf-fp16', 'hf-bf16', 'squeezellm'])
        .makeOptionMandatory(),
    )
    .requiredOption('--out <folder>', 'folder to make')
  addCommonOptions(command).action((result: string, { format, out, ...options }: Options) =>
    runCommand(options, async ({ studio, output, run }) => {
      const made = await studio.export({ result, format, out }, run)
      output.answer({ ...made, kind: 'export' }, () =>
        [
          `${strong(shownPath(made.out))}  export`,
          '',
          facts([
            ['Format', made.format],
            ['Size', bytes(made.sizeBytes)],
            ['Time', duration(made.durationMs)],
          ]),
        ].join('\n'),
      )
    }),
  )
}
