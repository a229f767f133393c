import { z } from 'zod'
import { checkpointInspectResult, matrixInfo } from '../sidecar/checkpoint.ts'
import { folderFound, rowId, sizeBytes } from './common.ts'

/** Bytes of all matrices with one place in the layer, over the layers. */
export const roleSize = z.object({
  role: z.string().describe('Place in the layer: q, k, v, o, gate, up, down, fc1, fc2.'),
  weights: z.int().min(0).describe('Weights of the role, over all layers.'),
  sizeBytes: sizeBytes.describe('Bytes on disk of the role, over all layers.'),
})
export type RoleSize = z.infer<typeof roleSize>

/** What the page shows of a checkpoint: the inspection without its list of single matrices. */
export const checkpointFacts = checkpointInspectResult
  .omit({ matrices: true, kind: true, recipe: true, baseFingerprint: true })
  .extend({
    roles: z.array(roleSize).describe('Where the bytes of the decoder layers are, in the order of the checkpoint.'),
    tokenizer: z.string().optional().describe('Kind of tokenizer in words, such as "byte-level BPE, 4096 tokens".'),
    found: folderFound,
  })
export type CheckpointFacts = z.infer<typeof checkpointFacts>

/** renderer → host: the single matrices, as they were when the checkpoint was last looked at. */
export const checkpointGetParams = z.object({ projectId: rowId })
export const checkpointGetResult = z.object({
  projectId: rowId,
  fingerprint: z.string().describe('Names the weights that the matrices are of.'),
  matrices: z.array(matrixInfo).describe('Every linear inside the decoder layers, in order.'),
})
export type CheckpointMatrices = z.infer<typeof checkpointGetResult>
