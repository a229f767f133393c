import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { samplePaths } from '../../src/main/studio/root.ts'
import * as units from '../../src/renderer/ui/units.ts'
import { makeTinyCheckpoint } from '../fixtures/make-tiny-checkpoint.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { skipWhere } from './support/skip.ts'
import { expect, root, squeeze, test } from './support/studio.ts'

const sidecar = process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar')

type Outcome = {
  sizeBytes: number
  bitsPerWeight: number
  fp16SizeBytes: number
  before: { perplexity: number }
  after: { perplexity: number; klMean: number; top1Agreement: number }
  stamp: { textName: string; windows: number; windowLength: number; tokens: number }
}

test('a real run shows up while it works, and the page says what the command line says', async ({
  page,
  home,
  served,
}) => {
  skipWhere(!existsSync(sidecar), 'the sidecar is not built')
  test.setTimeout(240_000)
  const checkpoint = mkdtempSync(join(tmpdir(), 'squeeze-tiny-'))
  makeTinyCheckpoint(checkpoint)
  const complaints = listenForComplaints(page)
  await page.goto(served.url)
  await expect(page.getByText('Squeeze a first checkpoint')).toBeVisible()

  const { calibrationText } = samplePaths(root)
  const run = squeeze('run', checkpoint, '--home', home, '--text', calibrationText, '--json')
  await page.getByRole('link', { name: /parameters/ }).click()
  const { status, output, errors } = await run
  expect(errors).toBe('')
  expect(status).toBe(0)
  const outcome = JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as Outcome

  const row = page.getByRole('row', { name: /^SqueezeLLM 3-bit \+ 0.45/ })
  await expect(row).toBeVisible()
  const { before, after, stamp } = outcome
  for (const text of [
    units.bits(outcome.bitsPerWeight),
    units.size(outcome.sizeBytes),
    units.ratio(outcome.fp16SizeBytes / outcome.sizeBytes),
    `${units.perplexity(before.perplexity)} → ${units.perplexity(after.perplexity)}`,
    units.change(after.perplexity / before.perplexity - 1),
    units.nats(after.klMean),
    units.share(after.top1Agreement),
  ]) {
    await expect(row).toContainText(text)
  }
  await expect(page.getByText(`${stamp.windows} windows of ${stamp.windowLength} tokens`)).toBeVisible()
  await expect(page.getByRole('row', { name: /^Calibration done/ })).toBeVisible()
  await expect(page.getByText('Running now')).toHaveCount(0)
  await expectSound(page)
  expect(complaints).toEqual([])
  rmSync(checkpoint, { recursive: true, force: true })
})
