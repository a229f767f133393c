import { setTimeout as sleep } from 'node:timers/promises'
import type { JobEnded, JobProgressed } from '../../shared/contract/sidecar/job.ts'
import type { BenchmarkResult, KernelBenchmarkResult } from '../../shared/contract/sidecar/benchmark.ts'
import type { CalibrationResult } from '../../shared/contract/sidecar/calibration.ts'
import type { EvaluationResult } from '../../shared/contract/sidecar/evaluation.ts'
import type { ExportResult } from '../../shared/contract/sidecar/export.ts'
import type {
  DivergenceResult,
  GenerationProduced,
  GenerationResult,
} from '../../shared/contract/sidecar/generation.ts'
import type { HelloResult } from '../../shared/contract/sidecar/hello.ts'
import type { SidecarParams, SidecarRequest, SidecarResult } from '../../shared/contract/sidecar/index.ts'
import type { QuantizationResult } from '../../shared/contract/sidecar/quantization.ts'
import type {
  ErrorsMeasured,
  ErrorsResult,
  MatrixErrors,
  SweepMeasured,
  SweepResult,
} from '../../shared/contract/sidecar/sweep.ts'
import type { SynthesisResult } from '../../shared/contract/sidecar/synthesis.ts'
import { fail, StudioError } from '../../shared/contract/studio-error.ts'
import { connect, type Command, type Connection, type EventListener, type Identity } from './connection.ts'
import { createLog } from './log.ts'

type JobResults = {
  'calibration.start': CalibrationResult
  'quantization.start': QuantizationResult
  'evaluation.start': EvaluationResult
  'export.start': ExportResult
  'errors.start': ErrorsResult
  'sweep.start': SweepResult
  'generation.start': GenerationResult
  'divergence.start': DivergenceResult
  'synthesis.start': SynthesisResult
  'benchmark.start': BenchmarkResult
  'benchmark.kernels': KernelBenchmarkResult
}
export type JobMethod = keyof JobResults

export type RunJobOptions = {
  onProgress?: ((progress: JobProgressed) => void) | undefined
  onProduced?: ((produced: GenerationProduced) => void) | undefined
  /** Of 'errors.start', as each matrix is through. */
  onErrors?: ((matrix: MatrixErrors) => void) | undefined
  /** Of 'sweep.start', as each point is through. */
  onPoint?: ((measured: SweepMeasured) => void) | undefined
  signal?: AbortSignal | undefined
}

export type SidecarOptions = Identity & {
  command: () => Command
  logFile?: string | undefined
  /** A cancelled job that has not ended after this is ended with its process; its files are journalled. */
  cancelGraceMs?: number
  /** First wait before a restart; each death in a row doubles it, up to 30 times this. */
  backOffMs?: number
}

/** The sidecar as its users see it: it starts with the first call and again, after a pause, when it has died. */
export type Sidecar = {
  hello(): Promise<HelloResult>
  call<M extends SidecarRequest>(method: M, params: SidecarParams<M>): Promise<SidecarResult<M>>
  /** Resolves with the result of the job; throws what it failed with, or 'cancelled'. */
  runJob<M extends JobMethod>(method: M, params: SidecarParams<M>, options?: RunJobOptions): Promise<JobResults[M]>
  logTail(lines?: number): string[]
  /** Calls with each line that the process logs; returns a function that ends it. */
  onLogLine(listener: (line: string) => void): () => void
  /** Ends the process; later calls are refused. */
  close(): Promise<void>
  /** Ends the process at once. */
  kill(): void
}

type Watcher = {
  progressed(progress: JobProgressed): void
  produced(produced: GenerationProduced): void
  tabulated(matrix: MatrixErrors): void
  measured(measured: SweepMeasured): void
  ended(end: JobEnded): void
}

/** Jobs of one process by number. Events that come before the number is known wait for it. */
function createJobTable() {
  const watchers = new Map<number, Watcher>()
  const early = new Map<number, ((watcher: Watcher) => void)[]>()
  const deliver = (id: number, give: (watcher: Watcher) => void) => {
    const watcher = watchers.get(id)
    if (watcher) give(watcher)
    else early.set(id, [...(early.get(id) ?? []), give])
  }
  const onEvent = ((event, payload) => {
    if (event === 'job.progressed') deliver(payload.jobId, (watcher) => watcher.progressed(payload as JobProgressed))
    else if (event === 'job.ended') deliver(payload.jobId, (watcher) => watcher.ended(payload as JobEnded))
    else if (event === 'errors.measured')
      deliver(payload.jobId, (watcher) => watcher.tabulated((payload as ErrorsMeasured).matrix))
    else if (event === 'sweep.measured') deliver(payload.jobId, (watcher) => watcher.measured(payload as SweepMeasured))
    else deliver(payload.jobId, (watcher) => watcher.produced(payload as GenerationProduced))
  }) as EventListener
  return {
    onEvent,
    watch(id: number, watcher: Watcher) {
      watchers.set(id, watcher)
      for (const give of early.get(id) ?? []) give(watcher)
      early.delete(id)
    },
    forget: (id: number) => void watchers.delete(id),
  }
}

type Live = { connection: Connection; jobs: ReturnType<typeof createJobTable> }

const HEALTHY_AFTER_MS = 60_000

export function createSidecar(options: SidecarOptions): Sidecar {
  const { cancelGraceMs = 5000, backOffMs = 100 } = options
  const log = createLog({ file: options.logFile })
  let current: Promise<Live> | undefined
  let live: Live | undefined
  let deaths = 0
  let closed = false

  async function start(): Promise<Live> {
    if (deaths > 0) await sleep(Math.min(backOffMs * 2 ** (deaths - 1), backOffMs * 30))
    if (closed) throw closing()
    const jobs = createJobTable()
    const startedAt = Date.now()
    const { contractHash, hostVersion } = options
    const connection = await connect(options.command(), { contractHash, hostVersion }, log, jobs.onEvent)
    live = { connection, jobs }
    void connection.died.then(() => {
      current = undefined
      live = undefined
      deaths = Date.now() - startedAt > HEALTHY_AFTER_MS ? 1 : deaths + 1
    })
    return live
  }

  function ensure(): Promise<Live> {
    if (closed) throw closing()
    current ??= start().catch((error: unknown) => {
      current = undefined
      deaths += 1
      throw error
    })
    return current
  }

  async function runJob<M extends JobMethod>(method: M, params: SidecarParams<M>, job: RunJobOptions = {}) {
    const { connection, jobs } = await ensure()
    throwIfAborted(job.signal)
    const { jobId } = await connection.call(method, params)
    let stage: string | undefined
    const ended = new Promise<JobEnded>((resolve) => {
      jobs.watch(jobId, {
        progressed(progress) {
          stage = progress.stage
          job.onProgress?.(progress)
        },
        produced: (produced) => job.onProduced?.(produced),
        tabulated: (matrix) => job.onErrors?.(matrix),
        measured: (measured) => job.onPoint?.(measured),
        ended: resolve,
      })
    })
    const stopWatching = onAbort(job.signal, () => cancel(connection, jobId, ended, cancelGraceMs))
    try {
      const outcome = await Promise.race([ended, connection.died])
      if (outcome instanceof StudioError) {
        if (job.signal?.aborted) throw cancelled()
        throw new StudioError({ ...outcome.info, ...(stage === undefined ? {} : { stage }) }, { cause: outcome })
      }
      if (outcome.outcome === 'cancelled') throw cancelled()
      if (outcome.outcome === 'failed') {
        throw outcome.error ? new StudioError(outcome.error) : fail('internal', 'The job failed without saying why.')
      }
      if (!outcome.result) throw fail('protocol-mismatch', 'The job ended as done without a result.')
      deaths = 0
      return outcome.result as JobResults[M]
    } finally {
      stopWatching()
      jobs.forget(jobId)
    }
  }

  return {
    hello: async () => (await ensure()).connection.hello,
    call: async (method, params) => (await ensure()).connection.call(method, params),
    runJob,
    logTail: (lines) => log.tail(lines),
    onLogLine: (listener) => log.onLine(listener),
    async close() {
      closed = true
      const last = await current?.catch(() => undefined)
      await last?.connection.close()
      log.close()
    },
    kill() {
      closed = true
      live?.connection.kill()
    },
  }
}

/** Asks for the end of a job, and ends the process when that is not heard in time. */
function cancel(connection: Connection, jobId: number, ended: Promise<unknown>, graceMs: number): void {
  const timer = setTimeout(() => connection.kill(), graceMs)
  void Promise.race([ended, connection.died]).then(() => clearTimeout(timer))
  connection.call('job.cancel', { jobId }).catch(() => undefined)
}

function onAbort(signal: AbortSignal | undefined, act: () => void): () => void {
  if (!signal) return () => undefined
  if (signal.aborted) act()
  else signal.addEventListener('abort', act, { once: true })
  return () => signal.removeEventListener('abort', act)
}

function closing(): StudioError {
  return fail('busy', 'The studio is closing.')
}

export function cancelled(): StudioError {
  return fail('cancelled', 'Cancelled.')
}

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw cancelled()
}
