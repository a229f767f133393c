import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import type { JobProgressed } from '../../shared/contract/sidecar/job.ts'
import { createSidecar, type Sidecar } from './index.ts'

const FAKE = join(import.meta.dirname, '../../../test/fixtures/fake-sidecar.ts')
const evaluation = { model: '/m', tokens: '/t', precision: 'fp32' as const, device: 'cpu', threads: 1 }

let open: Sidecar[] = []
function fake(mode: string | (() => string), options: { logFile?: string; cancelGraceMs?: number } = {}): Sidecar {
  const sidecar = createSidecar({
    command: () => ({ path: process.execPath, args: [FAKE, typeof mode === 'string' ? mode : mode()] }),
    contractHash: '0123456789abcdef',
    hostVersion: '0.0.0',
    backOffMs: 10,
    ...options,
  })
  open.push(sidecar)
  return sidecar
}

afterEach(async () => {
  await Promise.all(open.map((sidecar) => sidecar.close()))
  open = []
})

describe('a sidecar that behaves', () => {
  it('shakes hands once and runs jobs with progress', async () => {
    const sidecar = fake('well')
    expect((await sidecar.hello()).devices[0]?.id).toBe('cpu')
    const seen: JobProgressed[] = []
    const result = await sidecar.runJob('evaluation.start', evaluation, { onProgress: (p) => seen.push(p) })
    expect(result.perplexity).toBe(7.5)
    expect(seen.map((p) => p.seq)).toEqual([0, 1, 2])
  })

  it('runs two jobs at once without mixing them up', async () => {
    const sidecar = fake('well')
    const jobs = [1, 2].map(() => sidecar.runJob('evaluation.start', evaluation))
    expect((await Promise.all(jobs)).map((r) => r.windows)).toEqual([2, 2])
  })

  it('hears the end of a job that ends before its number is known', async () => {
    const result = await fake('early').runJob('evaluation.start', evaluation)
    expect(result.tokens).toBe(126)
  })

  it('throws the failure that the sidecar names', async () => {
    await expect(fake('refuses').call('checkpoint.inspect', { path: '/x' })).rejects.toMatchObject({
      info: { code: 'architecture-unsupported', message: 'The family "mamba" is not supported.' },
    })
  })

  it('cancels a job and stays usable', async () => {
    const sidecar = fake('well')
    const abort = new AbortController()
    const job = sidecar.runJob('evaluation.start', evaluation, {
      signal: abort.signal,
      onProgress: () => abort.abort(),
    })
    await expect(job).rejects.toMatchObject({ info: { code: 'cancelled' } })
    expect((await sidecar.runJob('evaluation.start', evaluation)).windows).toBe(2)
  })
})

describe('a sidecar that does not behave', () => {
  it('is ended when it ignores a cancel', async () => {
    const sidecar = fake('ignores-cancel', { cancelGraceMs: 100 })
    const abort = new AbortController()
    const job = sidecar.runJob('evaluation.start', evaluation, {
      signal: abort.signal,
      onProgress: () => abort.abort(),
    })
    await expect(job).rejects.toMatchObject({ info: { code: 'cancelled' } })
  })

  it('fails its job with stage, exit code and the tail of its log, and starts again on the next call', async () => {
    let starts = 0
    const logFile = join(mkdtempSync(join(tmpdir(), 'squeeze-log-')), 'sidecar.log')
    const sidecar = fake(() => (starts++ === 0 ? 'dies' : 'well'), { logFile })
    const error = (await sidecar.runJob('evaluation.start', evaluation).catch((e: unknown) => e)) as {
      info: Record<string, unknown>
    }
    expect(error.info).toMatchObject({ code: 'sidecar-died', stage: 'Reading windows', retryable: true })
    expect(error.info.message).toContain('exit code 3')
    expect(error.info.message).toContain('out of luck')
    expect(readFileSync(logFile, 'utf8')).toContain('out of luck')
    expect((await sidecar.runJob('evaluation.start', evaluation)).windows).toBe(2)
    expect(starts).toBe(2)
  })

  it.each([
    ['dies-at-start', 'sidecar-died', /exit code 7/],
    ['garbage', 'protocol-mismatch', /not the protocol/],
    ['other-contract', 'protocol-mismatch', /0123456789ab.*feedfacefeed/],
  ])('%s is refused as %s', async (mode, code, message) => {
    const error = (await fake(mode)
      .hello()
      .catch((e: unknown) => e)) as { info: { code: string; message: string } }
    expect(error.info.code).toBe(code)
    expect(error.info.message).toMatch(message)
  })

  it('is refused when it answers in another shape', async () => {
    await expect(fake('odd-result').call('checkpoint.inspect', { path: '/x' })).rejects.toMatchObject({
      info: { code: 'protocol-mismatch' },
    })
  })

  it('is named when it cannot be started', async () => {
    const sidecar = createSidecar({
      command: () => ({ path: '/no/such/sidecar' }),
      contractHash: 'x',
      hostVersion: '0',
    })
    await expect(sidecar.hello()).rejects.toMatchObject({ info: { code: 'sidecar-died', retryable: false } })
  })
})
