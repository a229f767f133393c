import { spawn, spawnSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { buildFolder, cleanEnvironment, root } from './places.mjs'

/** A step that went wrong, worded for a person; anything else thrown is a bug of these scripts. */
export class StepFailed extends Error {}

/**
 * Children that run now → whether they lead a group of their own. A quiet step does, so that what it has started goes
 * with it; one on the terminal shares ours, or it could not read the keyboard.
 */
const running = new Map()

/** Ends every child, or only this one, and what it started. */
function endAll(signal, only) {
  for (const [child, ownGroup] of running) {
    if ((only && child !== only) || child.exitCode !== null || child.signalCode !== null) continue
    if (process.platform === 'win32') spawnSync('taskkill', ['/pid', String(child.pid), '/T', '/F'])
    else if (ownGroup) killGroup(child.pid, signal)
    else child.kill(signal)
  }
}

function killGroup(pid, signal) {
  try {
    process.kill(-pid, signal)
  } catch (error) {
    if (error.code !== 'ESRCH') throw error
  }
}

const GRACE_MS = 5000
const NUMBERS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }
let asked

/** Passes every request to stop on to the children, and stops once they have. */
export function forwardSignals() {
  for (const signal of Object.keys(NUMBERS)) process.on(signal, () => stop(signal))
  process.on('exit', () => endAll('SIGKILL'))
  if (process.env.npm_lifecycle_event) watchParent()
}

function stop(signal) {
  asked ??= signal
  // The terminal has sent Ctrl-C to a child in our group already; twice would mean "at once" to it.
  const shared = [...running.values()].some((ownGroup) => !ownGroup)
  if (signal !== 'SIGINT' || !shared || !process.stdin.isTTY) endAll(signal)
  if (running.size === 0) process.exit(128 + NUMBERS[signal])
  setTimeout(() => endAll('SIGKILL'), GRACE_MS).unref()
}

/** npm runs scripts in a shell and passes signals on to that, which dies of them and tells nobody. */
function watchParent() {
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    stop('SIGTERM')
  }, 500)
  watch.unref()
}

/** Resolves with the exit status of a child; ends this process too where it was asked to stop meanwhile. */
function ended(child, ownGroup) {
  running.set(child, ownGroup)
  return new Promise((resolve, reject) => {
    child.on('error', (error) => {
      running.delete(child)
      reject(error)
    })
    child.on('close', (code, signal) => {
      running.delete(child)
      const status = code ?? 128 + (NUMBERS[signal] ?? 9)
      if (asked) process.exit(ownGroup ? 128 + NUMBERS[asked] : status)
      resolve(status)
    })
  })
}

/** Runs a command on this terminal; resolves with its exit status. */
export async function runHere(command, args, { env = {} } = {}) {
  const child = spawn(command, args, { cwd: root, stdio: 'inherit', env: { ...cleanEnvironment(), ...env } })
  return ended(child, false)
}

export const logsFolder = join(buildFolder, 'logs')

/**
 * Runs a command with its output in build/logs/<log>.log, and on the terminal too when `show`; resolves with status and
 * output. `timeoutMs` ends it with status 124.
 */
export async function runLogged(log, command, args, { env = {}, shell = false, show = false, timeoutMs } = {}) {
  mkdirSync(logsFolder, { recursive: true })
  const path = join(logsFolder, `${log}.log`)
  const file = openSync(path, 'w')
  const ownGroup = process.platform !== 'win32'
  const output = []
  const child = spawn(command, args, {
    cwd: root,
    env: { ...cleanEnvironment(), ...env },
    shell,
    detached: ownGroup,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const keep = (terminal) => (bytes) => {
    output.push(bytes)
    writeSync(file, bytes)
    if (show) terminal.write(bytes)
  }
  child.stdout.on('data', keep(process.stdout))
  child.stderr.on('data', keep(process.stderr))
  let timedOut = false
  const timer = timeoutMs && setTimeout(() => void ((timedOut = true), endAll('SIGKILL', child)), timeoutMs)
  try {
    const code = await ended(child, ownGroup)
    return { code: timedOut ? 124 : code, output: Buffer.concat(output).toString(), path }
  } catch (error) {
    return { code: 127, output: error.message, path }
  } finally {
    clearTimeout(timer)
    closeSync(file)
  }
}

/** The last lines of a log, for a failure. */
export function tail(text, lines = 30) {
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}

/** Words for a failed step: its name, the end of its log, and where all of it is. */
export function failureText(what, result) {
  return `${what} failed (exit ${result.code}).\n${tail(result.output)}\nAll of it: ${result.path}`
}

/** Whether a program can be started and its answer to `args`. */
export function ask(command, args = ['--version']) {
  const result = spawnSync(command, args, { encoding: 'utf8', env: cleanEnvironment() })
  return result.error || result.status !== 0 ? undefined : `${result.stdout}${result.stderr}`
}
