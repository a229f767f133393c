import { z } from 'zod'

export { sizeBytes, durationMs } from '../sidecar/common.ts'

/** Row number in the studio's database. */
export const rowId = z.int().min(1).describe('Number of the row, unique within its noun.')

export const timestampMs = z.number().min(0).describe('Milliseconds since 1970-01-01 UTC.')

export const folderFound = z.boolean().describe('False when the folder is no longer where it was recorded.')
