import type { ErrorCode, ErrorInfo } from './errors.ts'

type Details = Partial<Omit<ErrorInfo, 'code' | 'message'>>

const RETRYABLE: ReadonlySet<ErrorCode> = new Set(['busy', 'sidecar-died', 'cancelled', 'disk-full', 'out-of-memory'])

/** A failure with the one shape that every wire carries; anything else thrown is a bug of ours. */
export class StudioError extends Error {
  readonly info: ErrorInfo

  constructor(info: ErrorInfo, options?: ErrorOptions) {
    super(info.message, options)
    this.name = 'StudioError'
    this.info = info
  }

  get code(): ErrorCode {
    return this.info.code
  }
}

/** `throw fail('text-too-short', 'The text has 12 tokens, a window needs 2048.', { hint: '…' })` */
export function fail(code: ErrorCode, message: string, details: Details = {}, cause?: unknown): StudioError {
  return new StudioError({ code, message, retryable: RETRYABLE.has(code), ...details }, { cause })
}

/** The failure as data, whatever was thrown. */
export function toErrorInfo(error: unknown): ErrorInfo {
  if (error instanceof StudioError) return error.info
  if (error instanceof Error && error.name === 'AbortError') {
    return { code: 'cancelled', message: 'Cancelled.', retryable: true }
  }
  const message = error instanceof Error ? error.message : String(error)
  return { code: 'internal', message: message || 'Something failed without saying why.', retryable: false }
}
