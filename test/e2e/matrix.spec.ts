import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { CONTRACT_HASH } from '../../src/shared/contract/contract-hash.ts'
import type { MatrixChannel, MatrixOutliers, MatrixWeights } from '../../src/shared/contract/studio/index.ts'
import { createSidecar } from '../../src/main/sidecar/index.ts'
import { samplePaths } from '../../src/main/studio/root.ts'
import { scientific } from '../../src/renderer/features/matrices/scales.ts'
import { errorWords } from '../../src/renderer/pages/matrix/words.ts'
import { exact, share } from '../../src/renderer/ui/units.ts'
import { fillStudio } from './support/fill-studio.ts'
import { expectSound, listenForComplaints } from './support/look.ts'
import { skipWhere } from './support/skip.ts'
import { expect, root, squeeze, test } from './support/studio.ts'

const sidecarPath = process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar')
const TENSOR = 'model.layers.1.mlp.down_proj.weight'

// Calibrates the sample for real, on little text.
test('one matrix is looked into from the heatmap, and what stands there is what the sidecar says', async ({
  page,
  home,
  served,
}) => {
  skipWhere(!existsSync(sidecarPath), 'the sidecar is not built')
  test.setTimeout(240_000)
  const { checkpoint } = samplePaths(root)
  const out = join(home, 'learnt')
  const ran = await squeeze('calibrate', checkpoint, '--samples', '8', '--length', '64', '--out', out, '--home', home)
  expect(ran.errors).not.toContain('error')
  const said = await ask(checkpoint, out)

  const complaints = listenForComplaints(page)
  await page.goto(served.url)
  await page.getByRole('link', { name: /parameters/ }).click()
  await page.getByRole('link', { name: 'Sensitivity', exact: true }).click()
  const cell = page.getByRole('grid').getByRole('gridcell', { name: /^Layer 1 down/ })
  await cell.click()
  await expect(page).toHaveURL(new RegExp(`/matrices/\\d+/${TENSOR}$`))
  await expect(page.getByRole('heading', { name: 'Layer 1, down' })).toBeVisible()

  // The whole matrix: errors of its codebooks, and what is kept.
  const row = (bits: number) =>
    page.getByRole('table', { name: 'Errors by width' }).getByRole('row', { name: new RegExp(`^${bits} `) })
  const three = said.outliers.widths.find(({ bits }) => bits === 3)
  const factor = said.weights.rows / said.outliers.rowsClustered
  // Clustered for real.
  await expect(row(3)).toContainText(scientific((three?.objective ?? 0) * factor), { timeout: 60_000 })
  await expect(row(3)).toContainText(errorWords(three?.relativeError ?? 0))
  const outliers = page.getByRole('region', { name: 'Outliers' })
  await expect(outliers).toContainText(`${exact(said.outliers.sensitive + said.outliers.beyond)} weights`)
  await expect(outliers).toContainText(`${share(three?.keptShare ?? 0)} of Σ F·(w − c)² at 3 bits`)
  await expect(page.getByRole('application')).toHaveAccessibleName(new RegExp(`channels 0 to ${said.weights.rows - 1}`))
  await expectSound(page)

  // One channel: its codebook, and the other widths without another question.
  await page.getByText('One channel').click()
  await expect(page).toHaveURL(new RegExp(`/${said.channel.channel}$`))
  const at = (bits: number) => said.channel.codebooks.find((each) => each.bits === bits)
  await expect(row(3)).toContainText(scientific(at(3)?.objective ?? 0))
  await expect(page.getByText(`Below, the ${new Set(at(3)?.entries).size} cells of its codebook`)).toBeVisible()
  await page.getByRole('slider', { name: 'Bits of an index' }).focus()
  await page.keyboard.press('ArrowRight')
  await expect(page.getByText(`Below, the ${new Set(at(4)?.entries).size} cells of its codebook`)).toBeVisible()
  await expectSound(page)
  await byKeyboard(page, said.weights)

  // From matrix to matrix, and back to the cell where one was last.
  await page
    .getByRole('grid', { name: /Matrices/ })
    .getByRole('gridcell', { selected: true })
    .focus()
  await page.keyboard.press('ArrowLeft')
  await expect(page.getByRole('heading', { name: 'Layer 0, down' })).toBeVisible()
  await expect(page.getByRole('gridcell', { name: /^Layer 0 down/ })).toBeFocused()
  await page.goBack()
  await expect(page).toHaveURL(/\/sensitivity$/)
  await expect(page.getByRole('gridcell', { name: /^Layer 0 down/ })).toBeFocused()
  expect(complaints).toEqual([])

  // An address that names nothing.
  await page.goto(`${page.url().split('#')[0]}#/projects/1/matrices/1/model.norm.weight`)
  await expect(page.getByText('There is no such matrix')).toBeVisible()
  await page.goto(`${page.url().split('#')[0]}#/projects/1/matrices/99/${TENSOR}`)
  await expect(page.getByText('Project 1 has no calibration 99.')).toBeVisible()
  await page.goto(`${page.url().split('#')[0]}#/projects/1/matrices/1/${TENSOR}/100000`)
  await expect(page.getByText(/params\.channel: 100000 is not among/)).toBeVisible()
})

/** Strips and map without a pointer. */
async function byKeyboard(page: Page, weights: MatrixWeights): Promise<void> {
  const strip = page.getByRole('slider', { name: 'Σ F of each output channel' })
  await strip.focus()
  await page.keyboard.press('Home')
  await expect(strip).toHaveAttribute('aria-valuetext', /^Output channel \d+: /)
  await page.keyboard.press('ArrowRight')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(/\/\d+$/)
  const map = page.getByRole('application')
  await map.focus()
  await page.keyboard.press('+')
  await expect(map).not.toHaveAccessibleName(new RegExp(`channels 0 to ${weights.rows - 1}`))
  await expect(page.getByText(/F ≈ .* nats² per squared weight/)).toBeVisible()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('0')
  await expect(map).toHaveAccessibleName(new RegExp(`channels 0 to ${weights.rows - 1}`))
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(new RegExp(`/${Math.floor(weights.rows / 2)}$`))
}

type Said = { weights: MatrixWeights; outliers: MatrixOutliers; channel: MatrixChannel }

/** Of a sidecar of our own. */
async function ask(checkpoint: string, calibration: string): Promise<Said> {
  const sidecar = createSidecar({
    command: () => ({ path: sidecarPath, env: process.env }),
    contractHash: CONTRACT_HASH,
    hostVersion: 'test',
  })
  const look = { checkpoint, calibration, tensor: TENSOR }
  const weights = await sidecar.call('matrix.weights', look)
  const outliers = await sidecar.call('matrix.outliers', { ...look, sparsity: 0.0045 })
  const ofRows = new Float32Array(Uint8Array.from(Buffer.from(weights.ofRows, 'base64')).buffer)
  const foremost = ofRows.indexOf(Math.max(...ofRows))
  const channel = await sidecar.call('matrix.channel', { ...look, channel: foremost })
  await sidecar.close()
  return { weights, outliers, channel }
}

test('a calibration without matrices is said to be one', async ({ page, home, served }) => {
  const { measured } = fillStudio(home)
  const complaints = listenForComplaints(page)
  await page.goto(`${served.url}#/projects/${measured}/sensitivity`)
  await expect(page.getByText('This calibration holds no matrices')).toBeVisible()
  await expectSound(page)
  expect(complaints).toEqual([])
})
