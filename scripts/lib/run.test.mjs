import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

/**
 * Starts a script that forwards signals and runs `node -e <inner>` as a quiet step; resolves when that says its pids.
 * `byShell` starts it as npm does.
 */
async function startStep(inner, { byShell = false } = {}) {
  const script = `
    import { forwardSignals, runLogged } from ${JSON.stringify(join(import.meta.dirname, 'run.mjs'))}
    forwardSignals()
    const result = await runLogged('test-of-run', process.execPath, ['-e', ${JSON.stringify(inner)}], { show: true })
    console.log('status', result.code)`
  const node = [process.execPath, '--input-type=module', '-e', script]
  // More than one command, or the shell would become the last of them.
  const [command, ...args] = byShell ? ['sh', '-c', '"$@"; exit $?', 'sh', ...node] : node
  const env = { ...process.env, ...(byShell && { npm_lifecycle_event: 'start' }) }
  const parent = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], env })
  const closed = new Promise((resolve) => parent.on('close', (code) => resolve(code)))
  const text = await new Promise((resolve) => parent.stdout.on('data', (bytes) => resolve(String(bytes))))
  return { parent, closed, pids: text.trim().split(' ').map(Number) }
}

/** A process that has ended but that nobody has asked about (a zombie) is dead. */
const isAlive = (pid) => {
  try {
    process.kill(pid, 0)
    return process.platform !== 'linux' || !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

// What npm does: a child that starts a child.
const FAMILY = `
  const child = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  console.log(process.pid, child.pid)
  setInterval(() => {}, 1000)`

test.skipIf(process.platform === 'win32').each(['SIGTERM', 'SIGINT', 'SIGHUP'])(
  'a start that gets %s leaves nothing running',
  async (signal) => {
    const { parent, closed, pids } = await startStep(FAMILY)
    expect(pids.map(isAlive)).toEqual([true, true])
    parent.kill(signal)
    expect(await closed).toBeGreaterThan(128)
    await expect.poll(() => pids.map(isAlive)).toEqual([false, false])
  },
)

test.skipIf(process.platform === 'win32')('nor does one whose npm is ended, shell and all', async () => {
  const { parent, pids } = await startStep(FAMILY, { byShell: true })
  parent.kill('SIGTERM')
  await expect.poll(() => pids.map(isAlive), { timeout: 5000 }).toEqual([false, false])
})
