import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A lock file that is empty for this long was left by somebody who died between making and filling it. */
const FILLING_MS = 5000

/**
 * Runs `work` while this process alone holds the lock file `path`; waits for a living holder (`onWait` is told its pid
 * once) and takes over from a dead one.
 */
export async function withLock(path, work, onWait = () => {}) {
  mkdirSync(dirname(path), { recursive: true })
  let told = false
  while (!take(path)) {
    const holder = holderOf(path)
    if (holder === undefined) continue
    if (!holder.alive) {
      takeAway(path, holder)
      continue
    }
    if (!told) onWait(holder.pid)
    told = true
    await sleep(200)
  }
  const release = () => rmSync(path, { force: true })
  process.once('exit', release)
  try {
    return await work()
  } finally {
    release()
    process.removeListener('exit', release)
  }
}

function take(path) {
  try {
    writeFileSync(path, JSON.stringify({ pid: process.pid, born: birthOf(process.pid) }), { flag: 'wx' })
    return true
  } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  }
}

function holderOf(path) {
  try {
    const text = readFileSync(path, 'utf8')
    if (text === '') return { text, alive: Date.now() - statSync(path).mtimeMs < FILLING_MS }
    const { pid, born } = parse(text)
    return { text, pid, alive: Number.isInteger(pid) && isAlive(pid) && birthOf(pid) === born }
  } catch (error) {
    if (error.code === 'ENOENT') return undefined
    throw error
  }
}

function parse(text) {
  try {
    return JSON.parse(text)
  } catch {
    return {}
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** When the process began, where the system tells: a pid is used again after a restart. */
function birthOf(pid) {
  if (process.platform !== 'linux') return undefined
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    // Field 22, counted after the name in parentheses, which may hold spaces.
    return `${boot} ${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`
  } catch {
    return undefined
  }
}

/** Two may find the same dead holder: the one who moves a fresh lock away by mistake puts it back. */
function takeAway(path, holder) {
  const aside = `${path}.${process.pid}`
  try {
    renameSync(path, aside)
    if (readFileSync(aside, 'utf8') !== holder.text) linkSync(aside, path)
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'EEXIST') throw error
  } finally {
    rmSync(aside, { force: true })
  }
}
