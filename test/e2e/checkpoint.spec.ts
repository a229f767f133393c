import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { samplePaths } from '../../src/main/studio/root.ts'
import { exact, share, size } from '../../src/renderer/ui/units.ts'
import type { CheckpointInspectResult } from '../../src/shared/contract/sidecar/checkpoint.ts'
import type { QuantizationResult } from '../../src/shared/contract/sidecar/quantization.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { skipWhere } from './support/skip.ts'
import { expect, root, squeeze, test } from './support/studio.ts'
import { SCHEMES } from './support/views.ts'

const sidecar = process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar')

for (const colorScheme of SCHEMES) {
  test.describe(colorScheme, () => {
    test.use({ colorScheme })

    test('every byte is on the page as the command line says it, and the arrows walk over them', async ({
      page,
      home,
      served,
    }) => {
      skipWhere(!existsSync(sidecar), 'the sidecar is not built')
      test.setTimeout(120_000)
      const { output } = await squeeze('inspect', samplePaths(root).checkpoint, '--home', home, '--json')
      const said = JSON.parse(output.trim().split('\n').at(-1) ?? '') as CheckpointInspectResult
      const complaints = listenForComplaints(page)
      await page.goto(served.url)
      await page.getByRole('link', { name: /sample/ }).click()
      await page.getByRole('link', { name: 'Checkpoint' }).click()
      await expect(page).toHaveURL(/\/checkpoint$/)
      await expect(page).toHaveTitle('Checkpoint · sample · Squeeze Studio')

      const map = page.getByRole('listbox', { name: 'Bytes by layer' })
      await expect(map.getByRole('option')).toHaveCount(said.matrices.length + 2)
      const tile = (name: string, bytes: number) =>
        map.getByRole('option', {
          name: `${name}: ${exact(bytes)} bytes, ${share(bytes / said.sizeBytes)}`,
          exact: true,
        })
      for (const { layer, role, sizeBytes } of said.matrices) {
        await expect(tile(`Layer ${layer} ${role}`, sizeBytes)).toBeVisible()
      }
      await expect(tile('Embedding, also the head', said.embeddingBytes)).toBeVisible()
      const facts = page.getByRole('region', { name: 'Checkpoint', exact: true })
      await expect(facts).toContainText(said.architecture)
      await expect(facts).toContainText(`${said.layers}, ${said.hiddenSize} wide, MLP ${said.intermediateSize}`)
      for (const { message } of said.warnings) await expect(facts).toContainText(message)
      await expectSound(page)

      const [first] = said.matrices
      await map.focus()
      await expect(page.getByText(first?.name ?? '')).toBeVisible()
      await page.keyboard.press('End')
      await expect(page.getByText('Norms and the rest').last()).toBeVisible()
      await page.keyboard.press('Home')
      await page.keyboard.press('ArrowRight')
      await expect(tile('Layer 0 q', first?.sizeBytes ?? 0)).toHaveAttribute('aria-selected', 'false')
      await tile('Layer 1 gate', said.matrices.find(({ role }) => role === 'gate')?.sizeBytes ?? 0).hover()
      await expect(page.getByText('model.layers.1.mlp.gate_proj.weight')).toBeVisible()

      await page.getByText('by kind of matrix').click()
      await expect(page.getByRole('option', { name: /^q Layer 0: / })).toBeVisible()
      await expectSound(page)

      const row = (name: RegExp) => page.getByRole('row', { name })
      await expect(row(/^16 bits/)).toContainText(size(2 * said.parameters))
      await expect(row(/^16 bits/)).toContainText('as large')
      await expect(row(/^3 bits and 0\.45/)).toContainText(/\d\.\d\d× smaller/)
      await expect(row(/^\d+ bits/)).toHaveCount(8)
      await expect(page.getByText('fits', { exact: true })).toHaveCount(8)
      await expect(page.getByText(`${exact(said.contextLength)} tokens in fp16`)).toBeVisible()
      expect(complaints).toEqual([])
    })
  })
}

test('the size that is foretold is the size that comes of it, within a twentieth', async ({ page, home, served }) => {
  skipWhere(!existsSync(sidecar), 'the sidecar is not built')
  test.setTimeout(120_000)
  const { checkpoint } = samplePaths(root)
  // The size does not depend on where the codebooks lie, so no calibration is waited for.
  const made = await squeeze('quantize', checkpoint, '--bits', '3', '--unweighted', '--home', home, '--json')
  const { sizeBytes } = JSON.parse(made.output.trim().split('\n').at(-1) ?? '') as QuantizationResult
  await page.goto(served.url)
  await page.getByRole('link', { name: /sample/ }).click()
  await page.getByRole('link', { name: 'Checkpoint' }).click()
  const row = await page.getByRole('row', { name: /^3 bits \d/ }).innerText()
  const [, foretold] = /([\d.]+)\s*MB/.exec(row) ?? []
  expect((Number(foretold) * 1e6) / sizeBytes).toBeGreaterThan(0.95)
  expect((Number(foretold) * 1e6) / sizeBytes).toBeLessThan(1.05)
})
