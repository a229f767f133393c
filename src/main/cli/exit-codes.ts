import type { ErrorCode } from '../../shared/contract/errors.ts'

/** What the shell is told. Documented in docs/cli.md. */
export const EXIT = { ok: 0, usage: 2, badInput: 3, outOfMemory: 4, cancelled: 5, internal: 6 } as const

const BY_CODE: Record<ErrorCode, number> = {
  'invalid-request': EXIT.usage,
  'protocol-mismatch': EXIT.internal,
  'file-not-found': EXIT.badInput,
  'file-unreadable': EXIT.badInput,
  'file-malformed': EXIT.badInput,
  'tensor-missing': EXIT.badInput,
  'tensor-malformed': EXIT.badInput,
  'value-not-finite': EXIT.badInput,
  'architecture-unsupported': EXIT.badInput,
  'tokenizer-missing': EXIT.badInput,
  'tokenizer-unsupported': EXIT.badInput,
  'text-too-short': EXIT.badInput,
  'calibration-mismatch': EXIT.badInput,
  'output-exists': EXIT.badInput,
  'output-unwritable': EXIT.badInput,
  'disk-full': EXIT.badInput,
  'out-of-memory': EXIT.outOfMemory,
  'device-unavailable': EXIT.badInput,
  'not-found': EXIT.badInput,
  busy: EXIT.internal,
  cancelled: EXIT.cancelled,
  'sidecar-died': EXIT.internal,
  internal: EXIT.internal,
}

export function exitCodeOf(code: ErrorCode): number {
  return BY_CODE[code]
}
