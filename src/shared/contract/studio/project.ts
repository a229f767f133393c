import { z } from 'zod'
import { calibrationSummary } from './calibration.ts'
import { checkpointFacts } from './checkpoint.ts'
import { folderFound, rowId, sizeBytes, timestampMs } from './common.ts'
import { evaluationSummary } from './evaluation.ts'
import { deletedResult, resultSummary } from './result.ts'

/** One line of the list of projects. */
export const projectSummary = z.object({
  id: rowId,
  name: z.string().describe('Name of the project, by default that of the folder.'),
  path: z.string().describe('Folder of the checkpoint.'),
  family: z.string().describe('Hugging Face model_type, such as "llama".'),
  parameters: z.int().min(0).describe('Count of parameters, tied ones once.'),
  dtype: z.string().describe('Data type of most weights: F32, F16 or BF16.'),
  sizeBytes: sizeBytes.describe('Bytes of all weight files of the checkpoint.'),
  calibrations: z.int().min(0).describe('Calibrations made.'),
  results: z.int().min(0).describe('Results made.'),
  smallest: z
    .object({
      sizeBytes: sizeBytes.describe('Bytes of its weight files.'),
      bitsPerWeight: resultSummary.shape.bitsPerWeight,
    })
    .optional()
    .describe('The smallest result, where there is one.'),
  changedAtMs: timestampMs.describe('When something was last learnt, milliseconds since 1970-01-01 UTC.'),
  found: folderFound,
})
export type ProjectSummary = z.infer<typeof projectSummary>

/** renderer → host. Newest change first. */
export const projectListParams = z.object({})
export const projectListResult = z.object({
  projects: z.array(projectSummary),
  offersSample: z
    .boolean()
    .describe('True when the sample that comes with the studio is there and has no project yet.'),
})
export type ListedProjects = z.infer<typeof projectListResult>

/** renderer → host: looks at a checkpoint, or at a result's, and makes its project where there is none yet. */
export const projectOpenParams = z.object({
  path: z.string().min(1).max(4096).describe('Folder of a checkpoint or of a result, or one .safetensors file in it.'),
})
export const projectOpenResult = z.object({ projectId: rowId })

/** renderer → host: like project.open, for the sample that comes with the studio. */
export const sampleOpenParams = z.object({})

/** renderer → host. Refused with not-found when there is no such project. */
export const projectGetParams = z.object({ projectId: rowId })
export const projectGetResult = z.object({
  id: rowId,
  name: projectSummary.shape.name,
  createdAtMs: timestampMs,
  changedAtMs: timestampMs,
  checkpoint: checkpointFacts,
  calibrations: z.array(calibrationSummary).describe('Newest first.'),
  results: z.array(resultSummary).describe('Newest first.'),
  deleted: z.array(deletedResult).describe('Results that result.restore brings back, latest deletion first.'),
  evaluations: z.array(evaluationSummary).describe('Of the checkpoint and of every result, newest first.'),
})
export type Project = z.infer<typeof projectGetResult>

/** host → renderer: something of a project changed, by this process or another. Ask again for what is in sight. */
export const projectChanged = z.object({
  projectId: rowId.optional().describe('The project; absent when any of them may have changed.'),
})
