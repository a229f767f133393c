import type { ExportResult } from '../../shared/contract/sidecar/export.ts'
import { asking } from './asked.ts'
import type { Context } from './context.ts'
import { openModel } from './model.ts'
import { claimOutput } from './output.ts'
import { runAsJob, type RunOptions } from './recording.ts'

export type ExportRequest = { result: string; format: ExportResult['format']; out: string }

export async function exportResult(
  context: Context,
  request: ExportRequest,
  options: RunOptions = {},
): Promise<ExportResult> {
  const { inspection, project } = await openModel(context, request.result, options)
  const out = claimOutput(request.out, inspection.path)
  const params = { model: inspection.path, format: request.format, out, threads: options.threads ?? 0 }
  const run = asking(options, { useCase: 'export', request: { ...request, result: inspection.path, out } })
  return runAsJob(context, { kind: 'export', projectId: project?.id, params }, run, (onProgress) =>
    context.sidecar.runJob('export.start', params, { onProgress, signal: options.signal }),
  )
}
