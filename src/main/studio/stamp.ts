import type { Stamp } from '../../shared/contract/studio/index.ts'

/** How a perplexity was measured; equal keys mean that two may stand side by side. */
export function makeStamp(how: Omit<Stamp, 'key'>): Stamp {
  const { textName, textHash, windowLength, windows, tokens, bos, precision } = how
  // fp32 goes without saying, so that keys noted before there was a choice stay true.
  const products = precision === 'fp32' ? '' : `-${precision}`
  const key = `${textHash.slice(0, 16)}-w${windowLength}-n${windows}-t${tokens}-bos.${bos}${products}`
  return { key, textName, textHash, windowLength, windows, tokens, bos, precision }
}
