import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import BetterSqlite3 from 'better-sqlite3'
import { beforeAll, expect, it } from 'vitest'
import { makeTinyCheckpoint } from '../fixtures/make-tiny-checkpoint.ts'
import { describeBuilt, jsonIn, sampleText, scratchFolder } from './squeeze.ts'

/** What is interrupted must run for some seconds, so these tests do. */
describeBuilt('a command that is stopped', () => {
  const folder = scratchFolder()
  const home = join(folder, 'home')
  const json = jsonIn(home)
  const checkpoint = join(folder, 'large')
  const inputs = ['--text', sampleText, '--samples', '8', '--length', '128']
  const evaluation = ['evaluate', checkpoint, '--text', sampleText, '--limit-windows', '60']
  beforeAll(() => void makeTinyCheckpoint(checkpoint, { hidden: 256, intermediate: 512, layers: 4 }))

  /** Runs until the progress is above `above`, sends the signal, and measures the wait for the end. */
  async function interrupt(args: string[], above: number, signal: 'SIGINT' | 'SIGTERM' = 'SIGINT') {
    let sentAt = 0
    const run = await json(args, {
      onLine(line, child) {
        if (sentAt > 0 || line.kind !== 'progress' || line.fraction < above) return
        sentAt = performance.now()
        child.kill(signal)
      },
    })
    expect(sentAt, `it ended before: ${run.stdout.slice(-300)} ${run.stderr}`).toBeGreaterThan(0)
    expect(run.last).toMatchObject({ kind: 'error', code: 'cancelled' })
    expect(run.status).toBe(5)
    expect(performance.now() - sentAt).toBeLessThan(1000)
  }

  /** States of all jobs, as the studio's database has them. */
  function jobStates(): string[] {
    const database = new BetterSqlite3(join(home, 'studio.db'), { readonly: true })
    try {
      return database.prepare('SELECT state FROM jobs ORDER BY id').pluck().all() as string[]
    } finally {
      database.close()
    }
  }

  it('cancels a calibration within a second', async () => {
    await interrupt(['calibrate', checkpoint, ...inputs.with(3, '24')], 0.1)
    expect(jobStates()).toEqual(['cancelled'])
  })

  it('leaves a quantization that goes on where it stood, to the same bytes', async () => {
    const calibration = join(folder, 'calibration')
    expect((await json(['calibrate', checkpoint, ...inputs, '--out', calibration])).status).toBe(0)
    const args = ['quantize', checkpoint, '--calibration', calibration, '--bits', '4', '--sparsity', '0.45%']
    await interrupt([...args, '--out', join(folder, 'resumed')], 0.5)
    const resumed = await json([...args, '--out', join(folder, 'resumed')])
    expect(resumed.last.resumedMatrices).toBeGreaterThan(0)
    const whole = await json([...args, '--out', join(folder, 'whole')])
    expect(whole.last.resumedMatrices).toBe(0)
    const [a, b] = [resumed, whole].map((run) => readFileSync(join(run.last.out as string, 'model.safetensors')))
    expect(b && a?.equals(b)).toBe(true)
  })

  it('cancels an evaluation within a second, also as SIGTERM', async () => {
    await interrupt(evaluation, 0.03)
    await interrupt(evaluation, 0.03, 'SIGTERM')
    expect(jobStates().slice(-2)).toEqual(['cancelled', 'cancelled'])
  })

  it('is heard while a long text is being read', async () => {
    const text = join(folder, 'long.txt')
    writeFileSync(text, readFileSync(sampleText, 'utf8').repeat(60))
    await interrupt(['evaluate', checkpoint, '--text', text], 0)
    // That process could write nothing any more; the next one that looks finds it gone.
    expect((await json(['projects', 'list'])).status).toBe(0)
    expect(jobStates().at(-1)).toBe('interrupted')
  })

  it('a sidecar that is killed ends its command with its words, and the next one works', async (context) => {
    if (process.platform !== 'linux') {
      console.warn('SKIPPED: a sidecar that is killed: only Linux tells whose child it is')
      return context.skip()
    }
    let killed = false
    const { last, status } = await json(evaluation, {
      onLine(line, launcher) {
        if (killed || line.kind !== 'progress' || line.fraction < 0.03) return
        killed = true
        const [commandLine = 0] = childrenOf(launcher.pid ?? 0)
        for (const sidecar of childrenOf(commandLine)) process.kill(sidecar, 'SIGKILL')
      },
    })
    expect(last).toMatchObject({ code: 'sidecar-died', stage: expect.any(String), retryable: true })
    expect(last.message).toMatch(/SIGKILL/)
    expect(status).toBe(6)
    expect(jobStates().at(-1)).toBe('failed')
    expect((await json([...evaluation.slice(0, -1), '1'])).status).toBe(0)
  })

  it('a sweep that is killed keeps its table and the points that were through', async (context) => {
    if (process.platform !== 'linux') {
      console.warn('SKIPPED: a sweep that is killed: only Linux tells whose child it is')
      return context.skip()
    }
    const small = join(folder, 'small')
    makeTinyCheckpoint(small, { hidden: 96, intermediate: 192, layers: 2 })
    const measured = [
      '--evaluate-on',
      sampleText,
      '--limit-windows',
      '12',
      '--bits',
      '2,3,4',
      '--sparsity',
      '0,1%,2%,5%',
    ]
    const args = ['sweep', small, ...inputs, ...measured]
    const count = (table: string) => {
      const database = new BetterSqlite3(join(home, 'studio.db'), { readonly: true })
      try {
        return database.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number
      } finally {
        database.close()
      }
    }
    const killWhen = async (through: () => boolean) => {
      let killed = false
      const { last } = await json(args, {
        onLine(line, launcher) {
          if (killed || line.kind !== 'progress' || !through()) return
          killed = true
          const [commandLine = 0] = childrenOf(launcher.pid ?? 0)
          for (const sidecar of childrenOf(commandLine)) process.kill(sidecar, 'SIGKILL')
        },
      })
      expect(last).toMatchObject({ kind: 'error', code: 'sidecar-died' })
    }
    await killWhen(() => count('matrix_errors') > 3)
    const tabulated = count('matrix_errors')
    expect(tabulated).toBeLessThan(14)
    await killWhen(() => count('sweep_points') > 0)
    expect(count('matrix_errors')).toBe(14)
    const kept = count('sweep_points')
    expect(kept).toBeLessThan(12)
    const resumed = await json(args)
    expect(resumed.last).toMatchObject({ kind: 'sweep', fresh: 12 - kept })
    expect(resumed.last.points).toHaveLength(12)
    expect(count('sweep_points')).toBe(12)
  })
})

function childrenOf(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return text === '' ? [] : text.split(' ').map(Number)
}
