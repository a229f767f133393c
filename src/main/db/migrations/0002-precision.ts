import type { Migration } from '../migrate.ts'

/** Until now every product was fp32; numbers measured in bf16 must not stand beside those unmarked. */
export const precision: Migration = {
  name: '0002-precision',
  sql: `
    ALTER TABLE evaluations ADD COLUMN precision TEXT NOT NULL DEFAULT 'fp32';
    ALTER TABLE calibrations ADD COLUMN precision TEXT NOT NULL DEFAULT 'fp32';
  `,
}
