import { z } from 'zod'

/**
 * Every way a request or a job can fail, on both wires. The renderer and the command line turn a code into
 * words in one exhaustive table each; the exit status of the command line follows from the code alone.
 */
export const errorCode = z
  .enum([
    'invalid-request',
    'protocol-mismatch',
    'file-not-found',
    'file-unreadable',
    'file-malformed',
    'tensor-missing',
    'tensor-malformed',
    'value-not-finite',
    'architecture-unsupported',
    'tokenizer-missing',
    'tokenizer-unsupported',
    'text-too-short',
    'calibration-mismatch',
    'output-exists',
    'output-unwritable',
    'disk-full',
    'out-of-memory',
    'device-unavailable',
    'not-found',
    'busy',
    'cancelled',
    'sidecar-died',
    'internal',
  ])
  .describe('What went wrong, for programs.')
export type ErrorCode = z.infer<typeof errorCode>

export const errorInfo = z
  .object({
    code: errorCode,
    message: z.string().describe('One sentence for a person, naming the file, tensor or field.'),
    stage: z.string().optional().describe('The stage of the job that failed, such as "cluster".'),
    layer: z.int().min(0).optional().describe('Zero-based decoder layer, where one is to blame.'),
    tensor: z.string().optional().describe('Tensor name as the checkpoint spells it.'),
    retryable: z.boolean().describe('True when the same request may succeed later, unchanged.'),
    hint: z.string().optional().describe('What the person can do next.'),
  })
  .describe('The one shape of a failure.')
export type ErrorInfo = z.infer<typeof errorInfo>
