import type { Migration } from '../migrate.ts'
import { start } from './0001-start.ts'
import { precision } from './0002-precision.ts'
import { benchmarks } from './0003-benchmarks.ts'
import { deletedResults } from './0004-deleted-results.ts'
import { askedOfJobs } from './0005-asked-of-jobs.ts'
import { chats } from './0006-chats.ts'
import { sweep } from './0007-sweep.ts'
import { sweepChoices } from './0008-sweep-choices.ts'

/** In order; the version of a database is the count of those it has seen. Never change one that was released. */
export const migrations: Migration[] = [
  start,
  precision,
  benchmarks,
  deletedResults,
  askedOfJobs,
  chats,
  sweep,
  sweepChoices,
]
