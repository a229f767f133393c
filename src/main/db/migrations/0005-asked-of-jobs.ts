import type { Migration } from '../migrate.ts'

/** What a person asked for when the job was made, so that the same can be asked again. Earlier jobs have none. */
export const askedOfJobs: Migration = {
  name: '0005-asked-of-jobs',
  sql: 'ALTER TABLE jobs ADD COLUMN asked TEXT;',
}
