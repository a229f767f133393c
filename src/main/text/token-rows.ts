import { fail } from '../../shared/contract/studio-error.ts'

/** Token ids in rows of one length, row after row. */
export interface TokenRows {
  tokens: Int32Array
  rows: number
  cols: number
}

/** Where the BOS token stands: nowhere, once before the text, or before every window. */
export type WindowBos = 'none' | 'text' | 'window'

/**
 * Rows for calibration, spread evenly over the text and never overlapping, the same ones every time. A text too short
 * for all samples gives as many as it holds.
 */
export function calibrationSamples(
  ids: ArrayLike<number>,
  { samples, length, textName = 'The text' }: { samples: number; length: number; textName?: string },
): TokenRows {
  const rows = Math.min(samples, Math.floor(ids.length / length))
  if (rows < 1) throw tooShort(ids.length, 'one sample', length, textName)
  const tokens = new Int32Array(rows * length)
  for (let row = 0; row < rows; row++) {
    const start = Math.floor((row * ids.length) / rows)
    for (let i = 0; i < length; i++) tokens[row * length + i] = ids[start + i] ?? 0
  }
  return { tokens, rows, cols: length }
}

/**
 * Non-overlapping windows over the whole text, as GPTQ and SqueezeLLM measure perplexity; the tail shorter than a
 * window is dropped. `limit` keeps the first windows only.
 */
export function evaluationWindows(
  ids: ArrayLike<number>,
  options: { window: number; limit?: number; bos: WindowBos; bosId?: number },
): TokenRows {
  const { window, limit = Infinity, bos, bosId } = options
  if (bos !== 'none' && bosId === undefined) {
    throw fail('invalid-request', 'This tokenizer has no BOS token to put before the text.', {
      hint: 'Use bos "none".',
    })
  }
  const once = bos === 'text' ? 1 : 0
  const each = bos === 'window' ? 1 : 0
  const step = window - each
  const rows = Math.min(limit, Math.floor((ids.length + once) / step))
  if (rows < 1) throw tooShort(ids.length, 'one window', step - once)
  const tokens = new Int32Array(rows * window)
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < window; i++) {
      const at = row * step + i - each - once
      const isBos = (each === 1 && i === 0) || at < 0
      tokens[row * window + i] = (isBos ? bosId : ids[at]) ?? 0
    }
  }
  return { tokens, rows, cols: window }
}

function tooShort(have: number, what: string, need: number, textName = 'The text'): Error {
  const count = (n: number): string => n.toLocaleString('en-US')
  return fail('text-too-short', `${textName} has ${count(have)} tokens; ${what} needs ${count(need)}.`, {
    hint: 'Give a longer text or ask for shorter rows.',
  })
}
