import { z } from 'zod'
import { sizeBytes } from './common.ts'

const path = z.string().max(4096)
const weightBytes = sizeBytes.optional().describe('Bytes of the weight files; absent where there are none.')

const folderEntry = z.object({
  name: z.string().describe('Name of the folder or file; of a place, what it is to the person.'),
  path: path.describe('Absolute path, to be listed or opened.'),
  kind: z
    .enum(['folder', 'checkpoint', 'file', 'text'])
    .describe(
      'checkpoint: a folder with config.json and .safetensors files; file: one .safetensors or .gguf file; text: a file of text.',
    ),
  weightBytes,
  textBytes: sizeBytes.optional().describe('Bytes of a file of text.'),
})
export type FolderEntry = z.infer<typeof folderEntry>

/** renderer → host. Looks for checkpoints or texts in the folders that the studio may show, and nowhere else. */
export const folderListParams = z.object({
  path: path.min(1).optional().describe('Absolute path of the folder; absent: the places to begin at.'),
  wanted: z.enum(['checkpoint', 'text']).optional().describe('What is looked for; absent: a checkpoint.'),
})
export const folderListResult = z.object({
  trail: z
    .array(z.object({ name: z.string(), path }))
    .describe('From the place down to the folder itself; empty for the places.'),
  isCheckpoint: z.boolean().describe('True when the folder itself can be opened.'),
  weightBytes,
  texts: z.int().min(0).describe('Files of text in the folder itself, where texts are looked for.'),
  entries: z.array(folderEntry).describe('Folders first, then files, each by name; hidden ones left out.'),
  leftOut: z.int().min(0).describe('Entries beyond the limit of the list.'),
})
export type FolderListing = z.infer<typeof folderListResult>
