import { spawnSync } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { expect, it } from 'vitest'
import { describeBuilt, program, squeeze } from './squeeze.ts'

describeBuilt('usage', () => {
  it.each([
    [['quantize', 'x', '--bits', '9'], /from 2 to 8/],
    [['quantize', 'x', '--sparsity', 'lots'], /fraction/],
    [['quantize', 'x', '--method', 'magic'], /Allowed choices/],
    [['quantize', 'x', '--calibration', 'a', '--text', 'b'], /cannot be used/],
    [['quantize', 'x', '--refine', 'much'], /from 0 to 10000/],
    [['quantize', 'x', '--refine', '3', '--as-published'], /cannot be used/],
    [['quantize', 'x', '--recipe', 'a', '--as-published'], /cannot be used/],
    [['evaluate', 'x'], /no text/],
    [['export', 'x', '--out', 'y'], /--format/],
    [['calibrate'], /missing required argument/],
    [['quantise', 'x'], /unknown command/],
    [['inspect', 'x', '--fast'], /unknown option/],
    [['doctor', '--threads', '-1'], /from 1 to/],
    [['run', 'x', '--no-project'], /--no-project/],
    [['calibrate', 'x', '--device', 'tpu'], /cuda:0/],
    [['calibrate', 'x', '--memory', 'plenty'], /8GB/],
    [['calibrate', 'x', '--wikitext', '--text', 'b'], /cannot be used/],
  ])('%j is refused, for people and programs', async (args, words) => {
    const human = await squeeze(args)
    const json = await squeeze([...args, '--json'])
    expect(json.last).toMatchObject({ kind: 'error', message: expect.any(String), retryable: false })
    expect(json.lines).toHaveLength(1)
    expect(human.stderr).toMatch(words)
    expect(human.stdout).toBe('')
    expect(json.last.code).toBe('invalid-request')
    expect(json.last.message).toMatch(words)
    expect([human.status, json.status]).toEqual([2, 2])
  })

  it('helps, and tells its version', async () => {
    const help = await squeeze(['--help'])
    expect(help.status).toBe(0)
    expect(help.stdout).toMatch(/quantize .*squeeze a checkpoint/s)
    expect((await squeeze(['quantize', '--help'])).stdout).toMatch(/--sparsity/)
    expect((await squeeze(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('runs from any directory, on the Node that the machine has', () => {
    const cwd = mkdtempSync(`${tmpdir()}/squeeze-cwd-`)
    const { status, stdout } = spawnSync(program, ['--version'], { cwd, encoding: 'utf8' })
    expect(status).toBe(0)
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })

  it('does not mind a reader that leaves', () => {
    const { stdout, stderr } = spawnSync('sh', ['-c', `"${program}" doctor --no-project --json | head -c 1`], {
      encoding: 'utf8',
    })
    expect(stdout).toBe('{')
    expect(stderr).toBe('')
  })
})
