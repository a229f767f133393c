import type { Command } from 'commander'
import type { DeviceInfo } from '../../../shared/contract/sidecar/hello.ts'
import type { Settings } from '../../../shared/contract/studio/index.ts'
import type { Doctor } from '../../studio/index.ts'
import { EXIT } from '../exit-codes.ts'
import { facts, strong } from '../layout.ts'
import { addCommonOptions, type CommonOptions } from '../options.ts'
import { runCommand } from '../session.ts'
import { bytes } from '../units.ts'

export function registerDoctor(program: Command): void {
  const command = program
    .command('doctor')
    .description('devices, instruction sets, versions, paths, and what does not work')
  addCommonOptions(command).action((options: CommonOptions) =>
    runCommand(options, async ({ studio, output, run }) => {
      const found = await studio.doctor(run)
      output.answer({ kind: 'doctor', ok: found.problems.length === 0, ...found }, () => doctorText(found))
      if (found.problems.length > 0) process.exitCode = EXIT.internal
    }),
  )
}

/** What is known of a device, or why it cannot be used. */
export function deviceText({ name, memoryBytes, available, reason, computeCapability, driver }: DeviceInfo): string {
  if (!available) return reason ?? `${name}: not available`
  return [
    name,
    memoryBytes > 0 && bytes(memoryBytes),
    computeCapability && `compute capability ${computeCapability}`,
    driver && `driver for CUDA ${driver}`,
  ]
    .filter(Boolean)
    .join(', ')
}

/** Of the jobs that the page starts. */
function settingsText({ device, threads, memory }: Settings): string {
  const count = threads === 0 ? 'a thread for each core' : threads === 1 ? '1 thread' : `${threads} threads`
  return `device ${device}, ${count}, memory ${memory === 'auto' ? 'not limited' : `up to ${memory}`} (page)`
}

function doctorText(d: Doctor): string {
  const { sidecar } = d
  const devices = (sidecar?.devices ?? []).map((device): [string, string] => [device.id, deviceText(device)])
  const isa = sidecar?.isa.join(' ')
  return [
    strong(`Squeeze Studio ${d.versions.studio}`),
    facts([
      [
        'Machine',
        `${d.platform}, ${d.processors} processors, ${bytes(d.memoryBytes)} memory (${bytes(d.freeMemoryBytes)} free)`,
      ],
      ['Settings', d.settings && settingsText(d.settings)],
      ['Node', d.versions.node],
      ['SQLite', d.versions.sqlite],
      ['Program', d.paths.program],
      ['Studio folder', `${d.paths.home}${d.homeFreeBytes === undefined ? '' : ` (${bytes(d.homeFreeBytes)} free)`}`],
    ]),
    '',
    strong('Sidecar'),
    facts([
      ['Binary', d.paths.sidecar],
      ['Version', sidecar ? `${sidecar.version}, ${sidecar.buildType}, ${sidecar.compiler}` : undefined],
      ['Contract', d.versions.contract],
      ['Products', sidecar?.gemm],
      ['Instruction sets', isa === '' ? 'baseline only' : isa],
      ['Physical cores', sidecar ? String(sidecar.cores) : undefined],
      ['Families', sidecar?.architectures.join(', ')],
      ['Methods', sidecar?.methods.join(', ')],
      ['Layouts', sidecar?.formats.join(', ')],
    ]),
    '',
    strong('Devices'),
    facts(devices.length > 0 ? devices : [['none', 'the sidecar does not answer']]),
    '',
    ...(d.problems.length === 0
      ? ['Everything works.']
      : d.problems.flatMap((problem) => [
          `${strong('!')} ${problem.message}`,
          ...(problem.hint ? [`  ${problem.hint}`] : []),
        ])),
  ].join('\n')
}
