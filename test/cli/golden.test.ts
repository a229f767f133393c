import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { shared, testWithShared } from '../fixtures/shared.ts'
import { describeBuilt, jsonIn, scratchFolder } from './squeeze.ts'

type Golden = { text_sha256: string; perplexity: number; perplexity_window: number; perplexity_tokens: number }

/** Tier D: from text to number as a person gets it, against transformers on the same text. */
describeBuilt('perplexity of real checkpoints', () => {
  const folder = scratchFolder()
  const json = jsonIn(join(folder, 'home'))
  for (const name of ['stories260K', 'TinyStories-656K', 'tiny1m', 'stories15M']) {
    const paths = [`models/${name}`, `golden/real/${name}.json`, 'text/tinystories-sample.txt']
    testWithShared(name, paths, async () => {
      const golden = JSON.parse(readFileSync(join(shared, `golden/real/${name}.json`), 'utf8')) as Golden
      const text = readFileSync(join(shared, 'text/tinystories-sample.txt'), 'utf8').slice(0, 400_000)
      expect(createHash('sha256').update(text).digest('hex')).toBe(golden.text_sha256)
      writeFileSync(join(folder, 'text.txt'), text)
      const { last, status } = await json([
        ...['evaluate', join(shared, 'models', name), '--text', join(folder, 'text.txt'), '--bos', 'none'],
        ...['--window', String(golden.perplexity_window), '--limit-windows', '60'],
      ])
      expect(status).toBe(0)
      expect(last.tokens).toBe(golden.perplexity_tokens)
      expect(last.stamp.textHash).toBe(golden.text_sha256)
      expect(Math.abs(last.perplexity / golden.perplexity - 1)).toBeLessThan(1e-4)
    })
  }
})
