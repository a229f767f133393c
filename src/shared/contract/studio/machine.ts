import { z } from 'zod'
import { deviceInfo } from '../sidecar/hello.ts'
import { sizeBytes, timestampMs } from './common.ts'

/** renderer → host. */
export const machineGetParams = z.object({})

/** This machine at a glance. */
export const machineGetResult = z.object({
  hostname: z.string().describe('Name of the machine.'),
  platform: z.string().describe('Operating system and architecture, such as "linux x64".'),
  cpu: z.string().describe('Name of the processor.'),
  cores: z.int().min(1).describe('Cores that the studio may use.'),
  isa: z.array(z.string()).describe('Instruction sets found at run time; empty when the sidecar does not answer.'),
  memoryBytes: sizeBytes.describe('Memory of the machine.'),
  freeMemoryBytes: sizeBytes.describe('Memory that was free when asked.'),
  readBandwidth: z
    .object({
      gigabytesPerSecond: z.number().min(0).describe('Of all threads together, median; GB/s (10⁹ bytes).'),
      threads: z.int().min(1),
      measuredAtMs: timestampMs,
    })
    .optional()
    .describe('Reading memory on this processor, as the latest benchmark measured it; absent before the first.'),
  devices: z.array(deviceInfo).describe('Every device known, the processor first; empty without a sidecar.'),
  versions: z
    .record(z.string(), z.string())
    .describe('What runs and in which version: studio, node, sidecar, compiler, gemm.'),
  home: z.string().describe("The studio's folder."),
  sidecarProblem: z.string().optional().describe('Why the sidecar does not answer, when it does not.'),
})
export type Machine = z.infer<typeof machineGetResult>
