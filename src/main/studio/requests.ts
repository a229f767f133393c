import { cpus, hostname } from 'node:os'
import type { Machine } from '../../shared/contract/studio/index.ts'
import { openDatabase } from '../db/index.ts'
import { makeApi, type StudioApi } from './api.ts'
import { createContext, type Context, type StudioOptions } from './context.ts'
import { doctor } from './doctor.ts'
import { forgetProject, jobSummaries, project, projectSummaries } from './projects.ts'
import { watchChanges } from './watch.ts'

const LOOK_EVERY_MS = 1000

/** The studio as a shell with a page needs it. */
export function openStudioApi(options: StudioOptions): StudioApi & { close: () => Promise<void> } {
  const context = createContext(options)
  context.database()
  // A connection of its own sees every write as another's, also those of this process.
  const watching = openDatabase(context.home)
  const subscribe = watchChanges(
    {
      dataVersion: () => watching.pragma('data_version', { simple: true }) as number,
      jobs: () => jobSummaries(context),
    },
    LOOK_EVERY_MS,
  )
  const api = makeApi(
    {
      'project.list': () => ({ projects: projectSummaries(context) }),
      'project.get': ({ projectId }) => project(context, projectId),
      'project.remove': ({ projectId }) => ({ found: forgetProject(context, projectId) }),
      'job.list': ({ projectId }) => ({ jobs: jobSummaries(context, projectId) }),
      'machine.get': () => machine(context),
    },
    subscribe,
  )
  return {
    ...api,
    close: async () => {
      watching.close()
      await context.close()
    },
  }
}

async function machine(context: Context): Promise<Machine> {
  const { versions, platform, processors, memoryBytes, freeMemoryBytes, sidecar, problems } = await doctor(context)
  const { studio, node } = versions
  const [problem] = problems
  return {
    hostname: hostname(),
    platform,
    cpu: cpus()[0]?.model.trim() ?? 'unknown processor',
    cores: sidecar?.cores ?? processors,
    isa: sidecar?.isa ?? [],
    memoryBytes,
    freeMemoryBytes,
    devices: sidecar?.devices ?? [],
    versions: {
      studio,
      node,
      ...(sidecar ? { sidecar: sidecar.version, compiler: sidecar.compiler, gemm: sidecar.gemm } : {}),
    },
    home: context.home,
    ...(!sidecar && problem ? { sidecarProblem: problem.message } : {}),
  }
}
