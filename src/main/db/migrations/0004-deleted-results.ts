import type { Migration } from '../migrate.ts'

/**
 * A deleted result keeps its row for a while, so that it can be brought back. `path` then says where its folder is kept,
 * `deleted_from` where it was; the two are equal where the folder was left alone.
 */
export const deletedResults: Migration = {
  name: '0004-deleted-results',
  sql: `
    ALTER TABLE results ADD COLUMN deleted_at INTEGER;
    ALTER TABLE results ADD COLUMN deleted_from TEXT;
  `,
}
