import { z } from 'zod'
import { MEMORY_HINT, parseMemory } from '../../memory-limit.ts'
import { threads } from '../sidecar/common.ts'

/** What a person has chosen for the jobs that a page starts. */
export const settings = z.object({
  threads,
  device: z
    .string()
    .regex(/^(auto|cpu|cuda:\d{1,3})$/, 'expected auto, cpu, or cuda:0, cuda:1, …')
    .describe('"cpu", "cuda:<index>", or "auto": the first GPU that works, else the processor.'),
  memory: z
    .string()
    .refine((text) => parseMemory(text, 1) !== undefined, `expected ${MEMORY_HINT}`)
    .describe('Memory that a job may take: "auto", an amount such as "8GB", or a share of the machine\'s, "50%".'),
})
export type Settings = z.infer<typeof settings>

/** Where the studio keeps things. */
export const studioPaths = z.object({
  home: z.string().describe("The studio's folder."),
  projects: z.string().describe('Folder of calibrations and results, one folder for each project.'),
  database: z.string().describe('SQLite file with all that was learnt.'),
  log: z.string().describe('File with what the sidecar said.'),
  settings: z.string().describe('File with these settings.'),
})

/** renderer → host. Refused with file-malformed when settings.json holds something else. */
export const settingsGetParams = z.object({})
export const settingsGetResult = z.object({ settings, paths: studioPaths })
export type SettingsInSight = z.infer<typeof settingsGetResult>

/** renderer → host: takes the place of all settings; counts for jobs that are started from then on. */
export const settingsSetParams = settings
export const settingsSetResult = settingsGetResult
