import type { Migration } from '../migrate.ts'

/**
 * Times are milliseconds since 1970 UTC, sizes bytes, JSON columns hold what the contract names. A project is one
 * checkpoint (folder and fingerprint) and all that was learnt about it; deleting it deletes what hangs on it.
 */
export const start: Migration = {
  name: '0001-start',
  sql: `
    CREATE TABLE checkpoints (
      id INTEGER PRIMARY KEY,
      path TEXT NOT NULL,
      fingerprint TEXT NOT NULL,
      inspection TEXT NOT NULL,
      tokenizer TEXT,
      inspected_at INTEGER NOT NULL,
      UNIQUE (path, fingerprint)
    ) STRICT;

    CREATE TABLE projects (
      id INTEGER PRIMARY KEY,
      checkpoint_id INTEGER NOT NULL UNIQUE REFERENCES checkpoints (id) ON DELETE CASCADE,
      slug TEXT NOT NULL UNIQUE,
      name TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      changed_at INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE calibrations (
      id INTEGER PRIMARY KEY,
      project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
      path TEXT NOT NULL UNIQUE,
      fingerprint TEXT NOT NULL,
      estimator TEXT NOT NULL,
      samples INTEGER NOT NULL,
      asked_samples INTEGER NOT NULL,
      length INTEGER NOT NULL,
      text_name TEXT,
      text_hash TEXT,
      loss REAL NOT NULL,
      size_bytes INTEGER,
      peak_memory_bytes INTEGER,
      duration_ms REAL,
      created_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX calibrations_of_project ON calibrations (project_id);

    CREATE TABLE sensitivities (
      calibration_id INTEGER NOT NULL REFERENCES calibrations (id) ON DELETE CASCADE,
      position INTEGER NOT NULL,
      name TEXT NOT NULL,
      layer INTEGER NOT NULL,
      role TEXT NOT NULL,
      rows INTEGER NOT NULL,
      cols INTEGER NOT NULL,
      sum REAL NOT NULL,
      max REAL NOT NULL,
      weighted REAL NOT NULL,
      PRIMARY KEY (calibration_id, position)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE results (
      id INTEGER PRIMARY KEY,
      project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
      calibration_id INTEGER REFERENCES calibrations (id) ON DELETE SET NULL,
      path TEXT NOT NULL UNIQUE,
      fingerprint TEXT NOT NULL,
      recipe TEXT NOT NULL,
      calibration_fingerprint TEXT,
      bits_per_weight REAL NOT NULL,
      size_bytes INTEGER NOT NULL,
      checkpoint_size_bytes INTEGER NOT NULL,
      fp16_size_bytes INTEGER NOT NULL,
      objective REAL NOT NULL,
      peak_memory_bytes INTEGER NOT NULL,
      duration_ms REAL NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX results_of_project ON results (project_id);
    CREATE INDEX results_of_calibration ON results (calibration_id);

    CREATE TABLE result_matrices (
      result_id INTEGER NOT NULL REFERENCES results (id) ON DELETE CASCADE,
      position INTEGER NOT NULL,
      name TEXT NOT NULL,
      layer INTEGER NOT NULL,
      role TEXT NOT NULL,
      bits INTEGER NOT NULL,
      sparse_count INTEGER NOT NULL,
      bits_per_weight REAL NOT NULL,
      objective REAL NOT NULL,
      relative_error REAL NOT NULL,
      PRIMARY KEY (result_id, position)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE evaluations (
      id INTEGER PRIMARY KEY,
      project_id INTEGER NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
      result_id INTEGER REFERENCES results (id) ON DELETE CASCADE,
      model_fingerprint TEXT NOT NULL,
      diverged INTEGER NOT NULL,
      perplexity REAL,
      mean_nll REAL,
      text_name TEXT NOT NULL,
      text_hash TEXT NOT NULL,
      window_length INTEGER NOT NULL,
      windows INTEGER NOT NULL,
      limit_windows INTEGER,
      tokens INTEGER NOT NULL,
      bos TEXT NOT NULL,
      against_path TEXT,
      kl_mean REAL,
      top1_agreement REAL,
      against_perplexity REAL,
      peak_memory_bytes INTEGER NOT NULL,
      duration_ms REAL NOT NULL,
      created_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX evaluations_of_project ON evaluations (project_id);
    CREATE INDEX evaluations_of_result ON evaluations (result_id);

    CREATE TABLE jobs (
      id INTEGER PRIMARY KEY,
      project_id INTEGER REFERENCES projects (id) ON DELETE CASCADE,
      kind TEXT NOT NULL,
      params TEXT NOT NULL,
      state TEXT NOT NULL CHECK (state IN ('running', 'done', 'failed', 'cancelled', 'interrupted')),
      progress TEXT,
      error TEXT,
      host TEXT NOT NULL,
      process_id INTEGER NOT NULL,
      started_at INTEGER NOT NULL,
      ended_at INTEGER
    ) STRICT;
    CREATE INDEX jobs_of_project ON jobs (project_id);
    CREATE INDEX jobs_by_state ON jobs (state);
  `,
}
