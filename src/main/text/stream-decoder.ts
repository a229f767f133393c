import type { Tokenizer } from './tokenizer.ts'

export interface StreamDecoder {
  /** The text that became certain with these ids; "" while a character is still half there. */
  push(ids: ArrayLike<number>): string
  /** What was held back, its broken bytes as U+FFFD. */
  end(): string
}

/** Stands at the end of a decoded text while its last character is unfinished (WHATWG: one for the whole remainder). */
const REPLACEMENT = '\uFFFD'
const CONTEXT_IDS = 8

/**
 * Text out of ids as they come. A token's text depends on its neighbours (half characters, SentencePiece's space at
 * the start), so a short window is decoded with and without the new ids, and the difference is what they add.
 * `after` are the ids that the text continues, for example the prompt: without them the first space is dropped, which
 * is right for an answer and wrong for a continuation.
 */
export function streamDecoder(tokenizer: Tokenizer, after: ArrayLike<number> = []): StreamDecoder {
  /** Ids whose text is out; not without text once there was any, and never ending inside a character. */
  let context = Array.from(after).slice(-CONTEXT_IDS)
  /** Ids since then, of whose text `given` characters are out. */
  let held: number[] = []
  let given = 0

  function give(finished: boolean): string {
    const added = tokenizer.decode([...context, ...held]).slice(tokenizer.decode(context).length)
    const whole = finished || !added.endsWith(REPLACEMENT)
    const text = added.slice(given, whole ? undefined : -1)
    given += text.length
    if (whole) {
      context = added === '' ? [...context, ...held] : held
      held = []
      given = 0
    }
    return text
  }

  return {
    push(ids) {
      let text = ''
      for (const id of Array.from(ids)) {
        held.push(id)
        text += give(false)
      }
      return text
    },
    end: () => give(true),
  }
}
