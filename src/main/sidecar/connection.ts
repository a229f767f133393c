import { spawn, type ChildProcess } from 'node:child_process'
import { createMessageConnection, ResponseError, StreamMessageReader, StreamMessageWriter } from 'vscode-jsonrpc/node'
import { errorInfo } from '../../shared/contract/errors.ts'
import {
  PROTOCOL_VERSION,
  sidecarEvents,
  sidecarRequests,
  type SidecarEvent,
  type SidecarEventPayload,
  type SidecarParams,
  type SidecarRequest,
  type SidecarResult,
} from '../../shared/contract/sidecar/index.ts'
import { fail, StudioError } from '../../shared/contract/studio-error.ts'
import type { SidecarLog } from './log.ts'

export type Command = { path: string; args?: string[]; env?: NodeJS.ProcessEnv }

export type Identity = { contractHash: string; hostVersion: string }

export type EventListener = <E extends SidecarEvent>(event: E, payload: SidecarEventPayload<E>) => void

/** One process and the wire to it. It never comes back: after `died` has settled, make another one. */
export type Connection = {
  hello: SidecarResult<'sidecar.hello'>
  call<M extends SidecarRequest>(method: M, params: SidecarParams<M>): Promise<SidecarResult<M>>
  /** Settles with the reason when the process is gone or the wire is unusable; never rejects. */
  died: Promise<StudioError>
  isAlive(): boolean
  /** Closes stdin, which ends the sidecar; kills it when it is still there after the grace. */
  close(graceMs?: number): Promise<void>
  kill(): void
}

const HANDSHAKE_LIMIT_MS = 20_000

/** Starts the process and shakes hands; throws when either fails. */
export async function connect(
  command: Command,
  identity: Identity,
  log: SidecarLog,
  onEvent: EventListener,
): Promise<Connection> {
  const child = spawn(command.path, command.args ?? [], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: command.env ?? process.env,
    windowsHide: true,
    // A group of its own: Ctrl-C on the terminal is for us, and we cancel the job in an orderly way.
    detached: process.platform !== 'win32',
  })
  log.follow(child.stderr)
  let complaint: StudioError | undefined
  const died = whenGone(child, command.path, log, () => complaint)
  let alive = true
  void died.then(() => (alive = false))

  const wire = createMessageConnection(new StreamMessageReader(child.stdout), new StreamMessageWriter(child.stdin))
  const giveUp = (message: string) => {
    complaint ??= fail('protocol-mismatch', message, { hint: 'Build the studio and its sidecar from the same source.' })
    child.kill('SIGKILL')
  }
  child.stdin.on('error', () => undefined) // EPIPE: the end of the process says why.
  wire.onError(([error]) => {
    if (alive && child.exitCode === null && !isBrokenPipe(error)) {
      giveUp(`The sidecar wrote what is not the protocol: ${firstLine(error.message)}`)
    }
  })
  for (const event of Object.keys(sidecarEvents) as SidecarEvent[]) {
    wire.onNotification(event, (payload: unknown) => {
      const parsed = sidecarEvents[event].safeParse(payload)
      if (parsed.success) onEvent(event, parsed.data)
      else giveUp(`The sidecar sent ${event} in another shape than agreed: ${firstIssue(parsed.error)}`)
    })
  }
  wire.listen()

  const call: Connection['call'] = async (method, params) => {
    const answer = wire.sendRequest(method, params).catch((error: unknown) => {
      if (error instanceof ResponseError && alive && !isClosing(error)) throw toStudioError(error)
      return died.then((reason) => {
        throw reason
      })
    })
    const result = await Promise.race([
      answer,
      died.then((reason) => {
        throw reason
      }),
    ])
    if (complaint) throw complaint // An answer may come in one piece with what was wrong before it.
    const parsed = sidecarRequests[method].result.safeParse(result)
    if (parsed.success) return parsed.data as SidecarResult<typeof method>
    throw fail(
      'protocol-mismatch',
      `The sidecar answered ${method} in another shape than agreed: ${firstIssue(parsed.error)}`,
    )
  }

  const stop = { kill: () => void child.kill('SIGKILL'), close: (graceMs = 2000) => end(child, died, graceMs) }
  try {
    const hello = await withLimit(handshake(call, identity), HANDSHAKE_LIMIT_MS)
    return { hello, call, died, isAlive: () => alive, ...stop }
  } catch (error) {
    stop.kill()
    throw error
  }
}

async function handshake(call: Connection['call'], identity: Identity): Promise<SidecarResult<'sidecar.hello'>> {
  const hello = await call('sidecar.hello', { protocolVersion: PROTOCOL_VERSION, ...identity })
  if (hello.protocolVersion === PROTOCOL_VERSION && hello.contractHash === identity.contractHash) return hello
  throw fail(
    'protocol-mismatch',
    `The studio speaks protocol ${PROTOCOL_VERSION} (${identity.contractHash.slice(0, 12)}), ` +
      `the sidecar ${hello.protocolVersion} (${hello.contractHash.slice(0, 12)}).`,
    { hint: 'Build the studio and its sidecar from the same source.' },
  )
}

function whenGone(
  child: ChildProcess,
  path: string,
  log: SidecarLog,
  complaint: () => StudioError | undefined,
): Promise<StudioError> {
  return new Promise((resolve) => {
    child.once('error', (cause) => {
      if (child.pid === undefined) {
        resolve(
          fail('sidecar-died', `The sidecar ${path} cannot be started: ${cause.message}`, { retryable: false }, cause),
        )
      }
    })
    // 'close' comes after the last of stderr, so that the tail is whole.
    child.once('close', (exitCode, signal) => {
      const tail = log.tail()
      const how = signal ? `by signal ${signal}` : `with exit code ${exitCode}`
      const hint = signal === 'SIGKILL' ? 'The system may have run out of memory.' : undefined
      resolve(
        complaint() ??
          fail('sidecar-died', [`The sidecar ended ${how}.`, ...tail.map((line) => `  ${line}`)].join('\n'), { hint }),
      )
    })
  })
}

async function end(child: ChildProcess, died: Promise<unknown>, graceMs: number): Promise<void> {
  child.stdin?.end()
  const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
  await died
  clearTimeout(timer)
}

function toStudioError(error: ResponseError<unknown>): StudioError {
  const info = errorInfo.safeParse(error.data)
  if (info.success) return new StudioError(info.data)
  return fail('internal', `The sidecar refused: ${error.message}`)
}

async function withLimit<T>(work: Promise<T>, limitMs: number): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(fail('sidecar-died', `The sidecar did not answer within ${limitMs / 1000} s.`)),
      limitMs,
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** vscode-jsonrpc's own codes for a connection that is going away. */
function isClosing(error: ResponseError<unknown>): boolean {
  return error.code <= -32096 && error.code >= -32099
}

function isBrokenPipe(error: Error): boolean {
  return 'code' in error && (error.code === 'EPIPE' || error.code === 'ECONNRESET')
}

function firstIssue(error: { issues: { path: PropertyKey[]; message: string }[] }): string {
  const issue = error.issues[0]
  return issue ? `${issue.path.join('.') || 'value'}: ${issue.message}` : 'unknown field'
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 200)
}
