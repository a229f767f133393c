import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { createContext } from './context.ts'
import { doctor } from './doctor.ts'

it('looks for the sidecar where the studio itself does', async () => {
  const home = mkdtempSync(join(tmpdir(), 'squeeze-doctor-'))
  const context = createContext({ home, env: { SQUEEZE_SIDECAR: join(home, 'nothing') } })
  try {
    const found = await doctor(context, { record: false })
    expect(found.paths.sidecar).toBeUndefined()
    expect(found.problems).toEqual([expect.objectContaining({ code: 'file-not-found' })])
    expect(found.problems[0]?.message).toContain(join(home, 'nothing'))
  } finally {
    await context.close()
    rmSync(home, { recursive: true })
  }
})
