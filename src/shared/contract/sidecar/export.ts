import { z } from 'zod'
import { durationMs, sizeBytes, threads } from './common.ts'

export const exportFormat = z
  .enum(['hf-fp16', 'hf-bf16', 'squeezellm'])
  .describe('Dense Hugging Face checkpoint at 16 bits, or the public SqueezeLLM layout as safetensors.')

/** host → sidecar, starts a job. */
export const exportStartParams = z.object({
  model: z.string().describe('Folder of a result.'),
  format: exportFormat,
  out: z.string().describe('Folder to make.'),
  threads,
})

export const exportResult = z.object({
  kind: z.literal('export'),
  out: z.string().describe('Folder made.'),
  format: exportFormat,
  sizeBytes: sizeBytes.describe('Bytes of the weight files.'),
  durationMs,
})
export type ExportResult = z.infer<typeof exportResult>
