import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { writeTokens, type TokenRows } from '../text/index.ts'

/** Hands token ids to the sidecar as a file that is gone afterwards. */
export async function withTokenFile<T>(
  { tokens, rows, cols }: TokenRows,
  use: (path: string) => Promise<T>,
): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'squeeze-tokens-'))
  try {
    const path = join(folder, 'tokens.safetensors')
    await writeTokens(path, tokens, rows, cols)
    return await use(path)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
