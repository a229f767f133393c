import { cpus, hostname } from 'node:os'
import type { Machine } from '../../shared/contract/studio/index.ts'
import { dataVersion } from '../db/index.ts'
import { makeApi, type StudioApi } from './api.ts'
import { endLostJobs, type Context } from './context.ts'
import { doctor } from './doctor.ts'
import { jobSummaries, project, projectSummaries } from './projects.ts'
import { quietly } from './recording.ts'
import { watchChanges } from './watch.ts'

const LOOK_EVERY_MS = 1000

/** The studio as a page knows it. */
export function makePageApi(context: Context): StudioApi {
  const jobs = (projectId?: number) => jobSummaries(context, projectId)
  return makeApi(
    {
      'project.list': () => ({ projects: projectSummaries(context) }),
      'project.get': ({ projectId }) => project(context, projectId),
      'job.list': ({ projectId }) => ({ jobs: jobs(projectId) }),
      'machine.get': () => machine(context),
    },
    watchChanges(
      {
        dataVersion: () => dataVersion(context.database()),
        jobs,
        endLostJobs: () => quietly(() => endLostJobs(context.database(), false)),
      },
      LOOK_EVERY_MS,
    ),
  )
}

async function machine(context: Context): Promise<Machine> {
  const { versions, platform, processors, memoryBytes, freeMemoryBytes, sidecar, problems } = await doctor(context)
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
      studio: versions.studio,
      node: versions.node,
      ...(sidecar ? { sidecar: sidecar.version, compiler: sidecar.compiler, gemm: sidecar.gemm } : {}),
    },
    home: context.home,
    ...(!sidecar && problem ? { sidecarProblem: problem.message } : {}),
  }
}
