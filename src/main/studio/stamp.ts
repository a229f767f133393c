import type { Stamp } from '../../shared/contract/studio/index.ts'

/** How a perplexity was measured; equal keys mean that two may stand side by side. */
export function makeStamp(how: Omit<Stamp, 'key'>): Stamp {
  const { textName, textHash, windowLength, windows, tokens, bos } = how
  const key = `${textHash.slice(0, 16)}-w${windowLength}-n${windows}-t${tokens}-bos.${bos}`
  return { key, textName, textHash, windowLength, windows, tokens, bos }
}
