import { cpus, hostname } from 'node:os'
import type { Recipe } from '../../shared/contract/sidecar/quantization.ts'
import type { Machine } from '../../shared/contract/studio/index.ts'
import { fail } from '../../shared/contract/studio-error.ts'
import { dataVersion, latestReadBandwidth } from '../db/index.ts'
import { makeApi, type StudioApi } from './api.ts'
import { benchmarkSummaries, startBenchmarks } from './benchmark-requests.ts'
import { calibrate } from './calibrate.ts'
import { calibrationChoices, makeForecaster } from './calibration-forecast.ts'
import { makeChats } from './chats.ts'
import { endLostJobs, type Context } from './context.ts'
import { doctor } from './doctor.ts'
import { listFolder } from './folders.ts'
import { inspect } from './inspect.ts'
import { readJobLog } from './job-log.ts'
import { mainJob } from './main-job.ts'
import { matrixHandlers } from './matrices.ts'
import { openModel } from './model.ts'
import { jobSummaries, offersSample, project, projectRow, projectSummaries, sensitivities } from './projects.ts'
import { quietly, type RunOptions } from './recording.ts'
import { keepSweepChoices, startSweep, sweepState, sweepTable } from './sweep-requests.ts'
import { resultDetails, startEvaluation, startExport } from './results.ts'
import { deleteResult, emptyTrash, restoreResult } from './trash.ts'
import { readSettings, settingsInSight, writeSettings } from './settings.ts'
import { retryJob } from './retry.ts'
import { watchChanges } from './watch.ts'

const LOOK_EVERY_MS = 1000

/** The studio as a page knows it. */
export function makePageApi(context: Context): StudioApi {
  const jobs = (projectId?: number) => jobSummaries(context, projectId)
  void emptyTrash(context)
  const chats = makeChats(context)
  const forecast = makeForecaster(context)
  const watch = watchChanges(
    {
      dataVersion: () => dataVersion(context.database()),
      jobs,
      endLostJobs: () => quietly(() => endLostJobs(context.database(), false)),
    },
    LOOK_EVERY_MS,
  )
  return makeApi(
    {
      'project.list': () => ({ projects: projectSummaries(context), offersSample: offersSample(context) }),
      'project.get': ({ projectId }) => project(context, projectId),
      'project.open': async ({ path }) => ({ projectId: await openProject(context, path) }),
      'sample.open': async () => ({ projectId: await openProject(context, context.sample.take().checkpoint) }),
      'folder.list': ({ path, wanted }) => listFolder(context.places, path, wanted),
      'checkpoint.get': ({ projectId }) => {
        const { fingerprint, matrices } = projectRow(context, projectId).inspection
        return { projectId, fingerprint, matrices }
      },
      'calibration.get': ({ projectId, calibrationId }) => sensitivities(context, projectId, calibrationId),
      ...matrixHandlers(context),
      'calibration.choices': ({ projectId }) => calibrationChoices(context, projectId),
      'calibration.plan': ({ projectId, device, ...inputs }) => {
        const { path: checkpoint } = projectRow(context, projectId)
        const chosen = readSettings(context.home)
        return forecast({ checkpoint, ...inputs }, { ...chosen, device: device ?? chosen.device })
      },
      'calibration.start': async ({ projectId, device, ...inputs }) => {
        const { path: checkpoint } = projectRow(context, projectId)
        const start = (run: RunOptions) =>
          calibrate(context, { checkpoint, ...inputs }, { ...run, device: device ?? run.device })
        return { jobId: await context.background.start(start) }
      },
      'result.get': ({ projectId, resultId }) => resultDetails(context, projectId, resultId),
      'result.delete': ({ projectId, resultId }) => deleteResult(context, projectId, resultId),
      'result.restore': ({ projectId, resultId }) => {
        restoreResult(context, projectId, resultId)
        return {}
      },
      'evaluation.start': async (asked) => ({ jobId: await startEvaluation(context, asked) }),
      'export.start': async (asked) => ({ jobId: await startExport(context, asked) }),
      'benchmark.list': ({ projectId }) => ({ benchmarks: benchmarkSummaries(context, projectId) }),
      'benchmark.start': (asked) => startBenchmarks(context, asked),
      'squeeze.start': ({ projectId, recipe }) => startSqueezing(context, projectId, recipe),
      'sweep.get': ({ projectId }) => sweepState(context, projectId),
      'sweep.table': ({ projectId, version }) => sweepTable(context, projectId, version),
      'sweep.choose': ({ projectId, choices }) => {
        keepSweepChoices(context, projectId, choices)
        return {}
      },
      'sweep.start': ({ projectId, recipes }) => startSweep(context, projectId, recipes),
      'chat.list': ({ projectId }) => chats.list(projectId),
      'chat.get': ({ projectId, chatId }) => chats.get(projectId, chatId),
      'chat.send': (params) => chats.send(params),
      'chat.stop': ({ turnId }) => ({ found: chats.stop(turnId) }),
      'chat.remove': ({ projectId, chatId }) => {
        chats.remove(projectId, chatId)
        return {}
      },
      'chat.leave': async () => {
        await chats.leave()
        return {}
      },
      'job.list': ({ projectId }) => ({ jobs: jobs(projectId) }),
      'job.cancel': ({ jobId }) => {
        context.background.cancel(jobId)
        return {}
      },
      'settings.get': () => settingsInSight(context.home),
      'settings.set': (settings) => {
        writeSettings(context.home, settings)
        return settingsInSight(context.home)
      },
      'job.retry': async ({ jobId }) => ({ jobId: await retryJob(context, jobId) }),
      'job.log': ({ jobId, lines }) => ({ lines: readJobLog(context.home, jobId, lines) }),
      'machine.get': () => machine(context),
    },
    (listener) => {
      const ends = [watch(listener), chats.subscribe(listener)]
      return () => ends.forEach((end) => end())
    },
  )
}

async function openProject(context: Context, path: string): Promise<number> {
  const model = await openModel(context, path, {})
  if (model.inspection.kind === 'dense') await inspect(context, path)
  if (model.project) return model.project.id
  throw fail('not-found', `${model.inspection.path} is a result of a checkpoint that the studio does not know.`, {
    hint: 'Open the checkpoint that it was made from.',
  })
}

async function startSqueezing(context: Context, projectId: number, recipe: Recipe): Promise<{ jobId: number }> {
  const { path: checkpoint } = projectRow(context, projectId)
  return { jobId: await context.background.start((run) => mainJob(context, { checkpoint, recipe }, run)) }
}

async function machine(context: Context): Promise<Machine> {
  const { versions, platform, processors, memoryBytes, freeMemoryBytes, sidecar, problems } = await doctor(context)
  const [problem] = problems
  const measured = latestReadBandwidth(
    context.database(),
    sidecar?.devices.find(({ id }) => id === 'cpu')?.name ?? 'unknown processor',
  )
  return {
    hostname: hostname(),
    platform,
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: sidecar?.cores ?? processors,
    isa: sidecar?.isa ?? [],
    memoryBytes,
    freeMemoryBytes,
    ...(measured && {
      readBandwidth: {
        gigabytesPerSecond: measured.readBandwidth.allThreads.median,
        threads: measured.readBandwidth.threads,
        measuredAtMs: measured.createdAt,
      },
    }),
    devices: sidecar?.devices ?? [],
    versions: {
      studio: versions.studio,
      node: versions.node,
      ...(sidecar ? { sidecar: sidecar.version, compiler: sidecar.compiler, gemm: sidecar.gemm } : {}),
    },
    home: context.home,
    ...(!sidecar && problem ? { sidecarProblem: problem.message } : {}),
  }
}
