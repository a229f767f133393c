/**
 * A sidecar process with a bare wire: frames are made and taken apart here, so that a test can also send what no client
 * would. Every result and event is held against the contract.
 */
import { spawn } from 'node:child_process'
import type { ChildProcessWithoutNullStreams } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CONTRACT_HASH } from '../../src/shared/contract/contract-hash.ts'
import { errorInfo } from '../../src/shared/contract/errors.ts'
import { PROTOCOL_VERSION, sidecarEvents, sidecarRequests } from '../../src/shared/contract/sidecar/index.ts'
import type {
  SidecarEvent,
  SidecarEventPayload,
  SidecarParams,
  SidecarRequest,
  SidecarResult,
} from '../../src/shared/contract/sidecar/index.ts'
import type { ErrorInfo } from '../../src/shared/contract/errors.ts'

export const sidecarPath =
  process.env.SQUEEZE_SIDECAR ?? join(import.meta.dirname, '../../build/release/squeeze-sidecar')
if (!existsSync(sidecarPath))
  throw new Error(`There is no sidecar at ${sidecarPath}; build it, or set SQUEEZE_SIDECAR.`)

export type Reply = { id: unknown; result?: unknown; error?: { code: number; message: string; data?: ErrorInfo } }
export type Ended = SidecarEventPayload<'job.ended'>
type Notification = { [E in SidecarEvent]: { method: E; params: SidecarEventPayload<E> } }[SidecarEvent]

export const frame = (body: string) => `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`

export const helloParams = { protocolVersion: PROTOCOL_VERSION, contractHash: CONTRACT_HASH, hostVersion: 'test' }

export class Wire {
  readonly events: Notification[] = []
  readonly replies: Reply[] = []
  stderr = ''
  /** Whatever came out that is no frame. */
  stray = ''
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
  readonly process: ChildProcessWithoutNullStreams
  private buffer = Buffer.alloc(0)
  private nextId = 1
  private readonly waiting = new Set<() => void>()
  private gone = false

  constructor(env: Record<string, string> = {}) {
    this.process = spawn(sidecarPath, [], { stdio: 'pipe', env: { ...process.env, ...env } })
    this.process.stdout.on('data', (chunk: Buffer) => this.take(chunk))
    this.process.stderr.on('data', (chunk: Buffer) => (this.stderr += chunk.toString()))
    this.process.stdin.on('error', () => undefined)
    this.exited = new Promise((resolve) =>
      this.process.on('close', (code, signal) => {
        this.gone = true
        this.wake()
        resolve({ code, signal })
      }),
    )
  }

  static async greeted(env: Record<string, string> = {}): Promise<Wire> {
    const wire = new Wire(env)
    await wire.result('sidecar.hello', helloParams)
    return wire
  }

  sendRaw(text: string | Buffer): void {
    this.process.stdin.write(text)
  }

  send(message: unknown): void {
    this.sendRaw(frame(JSON.stringify(message)))
  }

  /** Sends any params at all, and gives the reply as it came. */
  async call(method: string, params: unknown): Promise<Reply> {
    const id = this.nextId++
    this.send({ jsonrpc: '2.0', id, method, params })
    return this.reply((reply) => reply.id === id)
  }

  reply(matches: (reply: Reply) => boolean): Promise<Reply> {
    return this.until(() => this.replies.find(matches), 'a reply')
  }

  async result<M extends SidecarRequest>(method: M, params: SidecarParams<M>): Promise<SidecarResult<M>> {
    const { result, error } = await this.call(method, params)
    if (error) throw new Error(`${method}: ${error.message}`)
    return held(sidecarRequests[method].result.parse(result), result) as SidecarResult<M>
  }

  /** The error of a request that must be refused, held against the contract. */
  async refusal(method: string, params: unknown): Promise<{ code: number; info: ErrorInfo }> {
    const { error, result } = await this.call(method, params)
    if (!error) throw new Error(`${method} was accepted: ${JSON.stringify(result)}`)
    return { code: error.code, info: held(errorInfo.parse(error.data), error.data) }
  }

  ended(jobId: number): Promise<Ended> {
    return this.until(() => this.endings(jobId)[0], `the end of job ${jobId}`)
  }

  endings(jobId: number): Ended[] {
    return this.events.flatMap((event) =>
      event.method === 'job.ended' && event.params.jobId === jobId ? [event.params] : [],
    )
  }

  progress(jobId: number): SidecarEventPayload<'job.progressed'>[] {
    return this.events.flatMap((event) =>
      event.method === 'job.progressed' && event.params.jobId === jobId ? [event.params] : [],
    )
  }

  /** Resolves when `look` finds something; looks after everything that arrives. */
  async until<T>(look: () => T | undefined, what: string, limitMs = 30_000): Promise<T> {
    const deadline = Date.now() + limitMs
    while (true) {
      const found = look()
      if (found !== undefined) return found
      const left = deadline - Date.now()
      if (this.gone || left <= 0)
        throw new Error(`${this.gone ? 'The sidecar ended' : 'Time ran out'} before ${what}.\n${this.stderr}`)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, left)
        const waiting = this.waiting
        function done() {
          clearTimeout(timer)
          waiting.delete(done)
          resolve()
        }
        waiting.add(done)
      })
    }
  }

  async close(): Promise<void> {
    this.process.stdin.end()
    await this.exited
  }

  private take(chunk: Buffer): void {
    this.buffer = Buffer.concat([this.buffer, chunk])
    while (this.buffer.length > 0) {
      const end = this.buffer.indexOf('\r\n\r\n')
      if (end < 0) break
      const header = /^Content-Length: (\d+)$/.exec(this.buffer.subarray(0, end).toString())
      if (!header) {
        this.stray += this.buffer.toString()
        this.buffer = Buffer.alloc(0)
        break
      }
      const begin = end + 4
      const length = Number(header[1])
      if (this.buffer.length < begin + length) break
      this.hear(JSON.parse(this.buffer.subarray(begin, begin + length).toString()) as Reply & Partial<Notification>)
      this.buffer = this.buffer.subarray(begin + length)
    }
    this.wake()
  }

  private hear(message: Reply & Partial<Notification>): void {
    if (message.method === undefined) this.replies.push(message)
    else {
      const schema = sidecarEvents[message.method]
      const params = held(schema.parse(message.params), message.params)
      this.events.push({ method: message.method, params } as Notification)
    }
  }

  private wake(): void {
    for (const done of [...this.waiting]) done()
  }
}

/** What the contract makes of a value must be the value: a field that the contract doesn't know would be dropped. */
function held<T>(parsed: T, raw: unknown): T {
  const [left, right] = [sorted(parsed), sorted(raw)]
  if (left !== right) throw new Error(`The contract reads ${right} as ${left}.`)
  return parsed
}

function sorted(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    inner !== null && typeof inner === 'object' && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}
