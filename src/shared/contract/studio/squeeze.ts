import { z } from 'zod'
import { recipe } from '../sidecar/quantization.ts'
import { rowId } from './common.ts'

/**
 * renderer → host: calibrates where the recipe needs it and none of the same inputs is there, squeezes, and measures
 * before and after. What was made before is taken over. Answers with jobBegun; refused with output-exists when all of it
 * was there already.
 */
export const squeezeStartParams = z.object({ projectId: rowId, recipe })
