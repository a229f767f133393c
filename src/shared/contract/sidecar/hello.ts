import { z } from 'zod'
import { sizeBytes } from './common.ts'

/** host → sidecar, first on every connection; anything else before it is refused. */
export const helloParams = z.object({
  protocolVersion: z.int().min(0).describe('PROTOCOL_VERSION of the host.'),
  contractHash: z.string().describe('Hash of the contract that the host was built with.'),
  hostVersion: z.string().describe('Version of the studio, for the log.'),
})

export const deviceInfo = z.object({
  id: z.string().describe('"cpu" or "cuda:<index>".'),
  name: z.string().describe('Name as the driver or the processor gives it.'),
  memoryBytes: sizeBytes.describe('Memory of the device, bytes; 0 when unavailable.'),
  available: z.boolean().describe('False: listed only to say why it cannot be used.'),
  reason: z.string().optional().describe('Why it is not available.'),
  requests: z
    .array(z.string())
    .optional()
    .describe('Requests that may name it, such as "calibration.start"; absent where all may, or it is not available.'),
  computeCapability: z.string().optional().describe('Of a GPU, such as "9.0".'),
  driver: z.string().optional().describe('Version of CUDA that the driver of a GPU knows, such as "13.0".'),
})

export const helloResult = z.object({
  protocolVersion: z.int().min(0).describe('PROTOCOL_VERSION of the sidecar.'),
  contractHash: z.string().describe('Hash of the contract that the sidecar was built with.'),
  version: z.string().describe('Version of the sidecar.'),
  compiler: z.string().describe('Compiler and its version.'),
  buildType: z.string().describe('Release, Debug, ...'),
  gemm: z.string().describe('Library behind the matrix products, with its version.'),
  isa: z.array(z.string()).describe('Instruction sets found at run time, such as "avx2", "avx512f".'),
  cores: z.int().min(1).describe('Physical cores that this process may use.'),
  devices: z.array(deviceInfo).describe('Every device known, the processor first.'),
  methods: z.array(z.string()).describe('Quantization methods, by id.'),
  formats: z.array(z.string()).describe('Stored layouts, by id.'),
  architectures: z.array(z.string()).describe('Model families, by Hugging Face model_type.'),
})
export type DeviceInfo = z.infer<typeof deviceInfo>
export type HelloResult = z.infer<typeof helloResult>
