import type { Migration } from '../migrate.ts'

/** What was last chosen on the page of sweeps, as the contract has it. */
export const sweepChoices: Migration = {
  name: '0008-sweep-choices',
  sql: `
    CREATE TABLE sweep_choices (
      project_id INTEGER PRIMARY KEY REFERENCES projects (id) ON DELETE CASCADE,
      choices TEXT NOT NULL
    ) STRICT;
  `,
}
