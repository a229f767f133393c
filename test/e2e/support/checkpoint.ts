import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeTinyCheckpoint } from '../../fixtures/make-tiny-checkpoint.ts'
import { skipWhere } from './skip.ts'
import { root, squeeze, test as base } from './studio.ts'

const sidecar = process.env.SQUEEZE_SIDECAR ?? join(root, 'build', 'release', 'squeeze-sidecar')

/** A test with a checkpoint that the studio knows, large enough for a job on it to be watched. */
export const test = base.extend<{ checkpoint: string }>({
  checkpoint: async ({ home }, use) => {
    skipWhere(!existsSync(sidecar), 'the sidecar is not built')
    const folder = mkdtempSync(join(tmpdir(), 'squeeze-watched-'))
    makeTinyCheckpoint(folder, { hidden: 128, intermediate: 256, layers: 2 })
    const { status, errors } = await squeeze('inspect', folder, '--home', home)
    if (status !== 0) throw new Error(errors)
    await use(folder)
    rmSync(folder, { recursive: true, force: true })
  },
})
