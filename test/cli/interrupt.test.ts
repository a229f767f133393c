import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, it } from 'vitest'
import { makeTinyCheckpoint } from '../fixtures/make-tiny-checkpoint.ts'
import { describeBuilt, jsonIn, sampleText, scratchFolder, type Options, type Run } from './squeeze.ts'

/** Long enough to be interrupted: some seconds of work, so these tests take that long. */
describeBuilt('Ctrl-C', () => {
  const folder = scratchFolder()
  const home = join(folder, 'home')
  const json = jsonIn(home)
  const checkpoint = join(folder, 'large')
  const calibrationArgs = ['--text', sampleText, '--samples', '48', '--length', '256']
  beforeAll(
    () => void makeTinyCheckpoint(checkpoint, { hidden: 256, intermediate: 1024, layers: 8, heads: 8, kvHeads: 4 }),
  )

  /** Runs until `when` is true of a progress line, sends the signal, and measures the wait for the end. */
  async function interrupted(args: string[], when: (fraction: number) => boolean, options: Options = {}) {
    let sentAt = 0
    const run: Run = await json(args, {
      ...options,
      onLine(line, child) {
        if (sentAt > 0 || line.kind !== 'progress' || !when(line.fraction as number)) return
        sentAt = performance.now()
        child.kill('SIGINT')
      },
    })
    expect(sentAt, `was never sent: ${run.stdout.slice(-300)} ${run.stderr}`).toBeGreaterThan(0)
    return { ...run, waitMs: performance.now() - sentAt }
  }

  it('cancels a calibration within a second', async () => {
    const { status, last, waitMs } = await interrupted(['calibrate', checkpoint, ...calibrationArgs], (f) => f > 0.1)
    expect(last).toMatchObject({ kind: 'error', code: 'cancelled' })
    expect(status).toBe(5)
    expect(waitMs).toBeLessThan(1000)
  })

  it('leaves a quantization that goes on where it stood, to the same bytes', async () => {
    const args = ['quantize', checkpoint, ...calibrationArgs, '--bits', '4', '--sparsity', '0.45%']
    const out = join(folder, 'out')
    const resumable = [...args, '--out', out]
    expect((await json(['calibrate', checkpoint, ...calibrationArgs])).status).toBe(0)
    const first = await interrupted(resumable, (fraction) => fraction > 0.5)
    expect(first.status).toBe(5)
    expect(first.waitMs).toBeLessThan(1000)
    const second = await json(resumable)
    expect(second.status).toBe(0)
    expect(second.last.resumedMatrices).toBeGreaterThan(0)
    const whole = await json([...args, '--out', join(folder, 'whole')])
    expect(whole.last.resumedMatrices).toBe(0)
    const bytes = ['out', 'whole'].map((name) => readFileSync(join(folder, name, 'model.safetensors')))
    expect(bytes[0]?.equals(bytes[1] ?? Buffer.alloc(0))).toBe(true)
    const { jobs } = await jobStates()
    expect(jobs).toContain('cancelled')
  })

  it('cancels an evaluation within a second', async () => {
    const { status, waitMs } = await interrupted(
      ['evaluate', checkpoint, '--text', sampleText],
      (fraction) => fraction > 0.1,
    )
    expect(status).toBe(5)
    expect(waitMs).toBeLessThan(1000)
  })

  it('is heard while a long text is being read', async () => {
    const text = join(folder, 'long.txt')
    writeFileSync(text, readFileSync(sampleText, 'utf8').repeat(60))
    const { status, last, waitMs } = await interrupted(['evaluate', checkpoint, '--text', text], () => true)
    expect(last).toMatchObject({ kind: 'error', code: 'cancelled' })
    expect(status).toBe(5)
    expect(waitMs).toBeLessThan(1000)
  })

  /** States of all jobs, from the studio's own database. */
  async function jobStates(): Promise<{ jobs: string[] }> {
    const { default: BetterSqlite3 } = await import('better-sqlite3')
    const database = new BetterSqlite3(join(home, 'studio.db'), { readonly: true })
    const jobs = database.prepare('SELECT state FROM jobs').pluck().all() as string[]
    database.close()
    return { jobs }
  }

  it('SIGTERM ends a job as cancelled', async () => {
    let killed = false
    await json(['evaluate', checkpoint, '--text', sampleText], {
      onLine(line, child) {
        if (killed || line.kind !== 'progress') return
        killed = true
        child.kill('SIGTERM')
      },
    })
    expect((await jobStates()).jobs).not.toContain('running')
  })
})
