import type { Migration } from '../migrate.ts'

/** Measured speeds: one row for each model of a run; `speed` and `read_bandwidth` hold what the contract names. */
export const benchmarks: Migration = {
  name: '0003-benchmarks',
  sql: `
    CREATE TABLE benchmarks (
      id INTEGER PRIMARY KEY,
      project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
      result_id INTEGER REFERENCES results (id) ON DELETE CASCADE,
      model_fingerprint TEXT NOT NULL,
      processor TEXT NOT NULL,
      threads INTEGER NOT NULL,
      simd TEXT NOT NULL,
      arithmetic TEXT NOT NULL,
      prompt_tokens INTEGER NOT NULL,
      generate_tokens INTEGER NOT NULL,
      rounds INTEGER NOT NULL,
      interleaved INTEGER NOT NULL,
      speed TEXT NOT NULL,
      read_bandwidth TEXT NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX benchmarks_of_project ON benchmarks (project_id);
    CREATE INDEX benchmarks_of_result ON benchmarks (result_id);
  `,
}
